import type { Patch } from "./patch.ts";

/**
 * No event is refused for the size of its batch. A topic's max.message.bytes holds for a whole batch: brokers refuse one that is
 * larger, and librdkafka fails each of its messages, however small. Now they go again in batches of half its size, and so do
 * those after them, until one that is alone is refused. Java's client splits as well (KIP-126).
 */
export const SIZE_PATCHES: readonly Patch[] = [
  {
    file: "src/rdkafka_partition.h",
    why: "a partition must know what its broker takes",
    find: `        rd_atomic32_t rktp_msgs_inflight; /**< Current number of
`,
    replace: `        rd_atomic64_t rktp_batch_limit; /**< Half the bytes, before
                                         *   compression, of the smallest
                                         *   batch that was too large.
                                         *   0: none was. */
        rd_ts_t rktp_batch_limit_ts;    /**< When that was found out.
                                         *   Protected by toppar lock. */
        rd_atomic32_t rktp_msgs_inflight; /**< Current number of
`,
  },
  {
    file: "src/rdkafka_partition.c",
    why: "the same: at first it takes whatever is configured",
    find: `        rd_atomic32_init(&rktp->rktp_msgs_inflight, 0);
`,
    replace: `        rd_atomic64_init(&rktp->rktp_batch_limit, 0);
        rd_atomic32_init(&rktp->rktp_msgs_inflight, 0);
`,
  },
  {
    file: "src/rdkafka_request.c",
    // Without what the format adds: so the next batch is smaller, and has one message at least.
    why: "the same: which it learns when a batch of more than one message is refused",
    find: `/**
 * @brief Error-handling for failed ProduceRequests
`,
    // Such a batch is written nowhere, so its bounds need not be kept. But brokers look at size and records before they look
    // whether they have a batch: one that was sent before may have been written then. A client that terminates takes
    // nothing back.
    replace: `static rd_bool_t
rd_kafka_msgbatch_is_doubtful(const rd_kafka_msgbatch_t *batch) {
        rd_kafka_toppar_t *rktp = batch->rktp;
        rd_kafka_msg_t *rkm;
        rd_bool_t unsettled;

        rd_kafka_toppar_lock(rktp);
        unsettled = batch->first_msgid <= rktp->rktp_eos.unsettled_msgid;
        rd_kafka_toppar_unlock(rktp);
        TAILQ_FOREACH(rkm, &batch->msgq.rkmq_msgs, rkm_link)
        if (rkm->rkm_status != RD_KAFKA_MSG_STATUS_NOT_PERSISTED)
                return rd_true;
        return unsettled;
}

static void rd_kafka_toppar_take_back(rd_kafka_toppar_t *rktp,
                                      rd_kafka_msgq_t *msgq) {
        rd_kafka_t *rk = rktp->rktp_rkt->rkt_rk;
        rd_kafka_msg_t *rkm;

        if (rd_kafka_terminating(rk))
                return;
        TAILQ_FOREACH(rkm, &msgq->rkmq_msgs, rkm_link)
        rkm->rkm_u.producer.last_msgid = 0;
        rd_kafka_toppar_lock(rktp);
        rd_kafka_retry_msgq(&rktp->rktp_msgq, msgq, 0, rk->rk_conf.max_retries,
                            0, RD_KAFKA_MSG_STATUS_NOT_PERSISTED,
                            rktp->rktp_rkt->rkt_conf.msg_order_cmp, rd_false, 0,
                            0);
        rd_kafka_toppar_unlock(rktp);
}

static rd_bool_t rd_kafka_msgbatch_halve(rd_kafka_msgbatch_t *batch,
                                         rd_kafka_resp_err_t err) {
        rd_kafka_toppar_t *rktp = batch->rktp;
        rd_kafka_msg_t *rkm;
        int64_t half = 0, limit;

        if ((err != RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE &&
             err != RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE) ||
            rd_kafka_msgq_len(&batch->msgq) < 2)
                return rd_false;

        TAILQ_FOREACH(rkm, &batch->msgq.rkmq_msgs, rkm_link)
        half += (int64_t)(rd_kafka_msg_wire_size(rkm, 2) -
                          RD_KAFKAP_MESSAGE_V2_MAX_OVERHEAD);
        half = RD_MAX(1, half / 2);
        rd_kafka_toppar_lock(rktp);
        limit = rd_atomic64_get(&rktp->rktp_batch_limit);
        if (limit == 0 || half < limit) {
                rd_atomic64_set(&rktp->rktp_batch_limit, half);
                rktp->rktp_batch_limit_ts = rd_clock();
        }
        rd_kafka_toppar_unlock(rktp);
        return rd_true;
}

/**
 * @brief Error-handling for failed ProduceRequests
`,
  },
  {
    file: "src/rdkafka_request.c",
    // The queue was purged when the transaction's error was raised; what came back later lay in it until the application
    // aborted. It leaves a gap in the sequence.
    why: "such a batch is not failed but sent again; but in a transaction that must be aborted all that comes back has failed",
    find: `                rd_kafka_handle_idempotent_Produce_error(rkb, batch, perr);

`,
    replace: `                rd_kafka_handle_idempotent_Produce_error(rkb, batch, perr);

        doubtful = rd_kafka_msgbatch_is_doubtful(batch);
        halved = (!rd_kafka_is_idempotent(rk) ||
                  rd_kafka_pid_eq(batch->pid, perr->rktp_pid)) &&
                 rd_kafka_msgbatch_halve(batch, perr->err);
        if (halved) {
                perr->actions = RD_KAFKA_ERR_ACTION_RETRY |
                                RD_KAFKA_ERR_ACTION_MSG_NOT_PERSISTED;
                perr->incr_retry = 0;
        }

        if (rd_kafka_is_transactional(rk) &&
            perr->actions &
                (RD_KAFKA_ERR_ACTION_REFRESH | RD_KAFKA_ERR_ACTION_RETRY) &&
            !rd_kafka_txn_may_send_msg(rk)) {
                perr->actions &=
                    ~(RD_KAFKA_ERR_ACTION_REFRESH | RD_KAFKA_ERR_ACTION_RETRY);
                if (halved)
                        perr->err = RD_KAFKA_RESP_ERR__RETRY;
                rd_kafka_wrlock(rk);
                rk->rk_eos.txn_requires_epoch_bump = rd_true;
                rd_kafka_wrunlock(rk);
        }

`,
  },
  {
    file: "src/rdkafka_request.c",
    why: "the same: a name for it",
    find: `        rd_kafka_toppar_t *rktp = batch->rktp;
        int is_leader;
`,
    replace: `        rd_kafka_toppar_t *rktp = batch->rktp;
        rd_bool_t doubtful, halved;
        int is_leader;
`,
  },
  {
    file: "src/rdkafka_request.c",
    why: "the same: the next batch to fail or not is its first half",
    find: `                        perr->update_next_ack = rd_false;
                        perr->update_next_err = rd_true;

                        /* Drain outstanding requests so that retries
`,
    replace: `                        perr->update_next_ack = rd_false;
                        perr->update_next_err = !halved;

                        /* Drain outstanding requests so that retries
`,
  },
  {
    file: "src/rdkafka_request.c",
    // A megabyte against a limit of 20 kB is halved six times; messages that have seen an outage would wait 5 s each time.
    why: "the same: at once",
    find: `                rd_kafka_toppar_retry_msgq(rktp, &batch->msgq, perr->incr_retry,
                                           perr->status);
`,
    replace: `                if (halved)
                        rd_kafka_toppar_take_back(rktp, &batch->msgq);
                else
                        rd_kafka_toppar_retry_msgq(rktp, &batch->msgq,
                                                   perr->incr_retry,
                                                   perr->status);
`,
  },
  {
    file: "src/rdkafka_msgset_writer.c",
    // Brokers know a batch that comes again by its first and last message. A topic's limit may be raised: every ten minutes
    // twice as much is tried.
    why: "a partition's batches must be no larger than its broker takes, but for those that come again as they were",
    find: `        rd_kafka_msgbatch_set_first_msg(msetw->msetw_batch, rkm);
`,
    replace: `        rd_kafka_msgbatch_set_first_msg(msetw->msetw_batch, rkm);

        batch_limit = (size_t)rd_atomic64_get(&rktp->rktp_batch_limit);
        if (unlikely(batch_limit > 0) && batch_limit < max_msg_size &&
            !msetw->msetw_batch->last_msgid) {
                rd_kafka_toppar_lock(rktp);
                if (now - rktp->rktp_batch_limit_ts > 10 * 60 * 1000000) {
                        batch_limit *= 2;
                        rd_atomic64_set(&rktp->rktp_batch_limit,
                                        (int64_t)batch_limit);
                        rktp->rktp_batch_limit_ts = now;
                }
                rd_kafka_toppar_unlock(rktp);
                max_msg_size = RD_MIN(max_msg_size, batch_limit);
        }
`,
  },
  {
    file: "src/rdkafka_msgset_writer.c",
    why: "the same: a name for it",
    find: `        rd_ts_t MaxTimestamp = 0;
        rd_kafka_msg_t *rkm;
        int msgcnt        = 0;
        const rd_ts_t now = rd_clock();
`,
    replace: `        size_t batch_limit;
        rd_ts_t MaxTimestamp = 0;
        rd_kafka_msg_t *rkm;
        int msgcnt        = 0;
        const rd_ts_t now = rd_clock();
`,
  },
];
