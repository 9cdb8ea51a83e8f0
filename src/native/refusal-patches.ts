import type { Patch } from "./patch.ts";

/**
 * No event is refused for its company. A topic's max.message.bytes holds for a whole batch: brokers refuse one that is larger,
 * and librdkafka fails each of its messages, however small. Now they go again in batches of half its size, and so do those
 * after them, until one that is alone is refused; Java's client splits as well (KIP-126). And of a batch with invalid records
 * (without a key, for a compacted topic) those alone fail that the broker names (KIP-467), and the others go again.
 */
export const REFUSAL_PATCHES: readonly Patch[] = [
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
  {
    file: "src/rdkafka_broker.c",
    // With one invalid record its error was written over the "part of a batch with invalid records" of all others.
    why: "a batch with one invalid record must fail as one with two does: the valid ones with a code of their own",
    find: `            (presult && presult->record_errors_cnt > 1)
`,
    replace: `            (presult && presult->record_errors_cnt > 0)
`,
  },
  {
    file: "src/rdkafka_request.c",
    why: "a batch with invalid records is parted: those that the broker names are left in it",
    find: `/**
 * @brief Handle ProduceRequest result for a message batch.
`,
    // Where it names one that is not there, all fail: taken back again and again they would never end. And so they do where
    // records that may be written have become too old for their topic meanwhile.
    replace: `static void
rd_kafka_msgbatch_part(rd_kafka_msgbatch_t *batch,
                       const rd_kafka_Produce_result_t *presult,
                       rd_kafka_resp_err_t err,
                       rd_kafka_msgq_t *valid) {
        rd_kafka_msg_t *rkm, *tmp;

        if (!presult || presult->record_errors_cnt < 1 ||
            (err == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP &&
             rd_kafka_msgbatch_is_doubtful(batch)) ||
            (uint32_t)presult->record_errors[0].batch_index >=
                (uint32_t)rd_kafka_msgq_len(&batch->msgq))
                return;
        rd_kafka_msgbatch_handle_Produce_result_record_errors(presult, batch);
        TAILQ_FOREACH_SAFE(rkm, &batch->msgq.rkmq_msgs, rkm_link, tmp) {
                rkm->rkm_u.producer.last_msgid = 0;
                if (rkm->rkm_err != RD_KAFKA_RESP_ERR__INVALID_DIFFERENT_RECORD)
                        continue;
                rkm->rkm_err               = RD_KAFKA_RESP_ERR_NO_ERROR;
                rkm->rkm_u.producer.errstr = NULL;
                rd_kafka_msgq_deq(&batch->msgq, rkm, 1);
                rd_kafka_msgq_enq(valid, rkm);
        }
}

/**
 * @brief Handle ProduceRequest result for a message batch.
`,
  },
  {
    file: "src/rdkafka_request.c",
    why: "the same: the others are taken back, once the partition waits for what is in flight; a transaction fails as a whole",
    find: `                rd_kafka_handle_Produce_error(rkb, request, batch, &perr);

                /* Update next expected acked and/or err sequence. */
`,
    replace: `                if (!rd_kafka_is_transactional(rk))
                        rd_kafka_msgbatch_part(batch, presult, err, &valid);
                parted = rd_kafka_msgq_len(&valid) > 0;
                rd_kafka_handle_Produce_error(rkb, request, batch, &perr);
                if (parted) {
                        rd_kafka_toppar_take_back(rktp, &valid);
                        rd_kafka_msgq_concat(&batch->msgq, &valid);
                        rd_atomic64_add(&rk->rk_produce_retries.cnt, 1);
                        rd_atomic32_set(&rk->rk_produce_retries.retry, 0);
                        rd_atomic32_set(&rk->rk_produce_retries.err, err);
                }

                /* Update next expected acked and/or err sequence. */
`,
  },
  {
    file: "src/rdkafka_request.c",
    why: "the same: names for them",
    find: `        const int batch_cnt = rd_kafka_msgq_len(&batch->msgq);
        int32_t next_seq;
`,
    replace: `        const int batch_cnt   = rd_kafka_msgq_len(&batch->msgq);
        rd_kafka_msgq_t valid = RD_KAFKA_MSGQ_INITIALIZER(valid);
        rd_bool_t parted      = rd_false;
        int32_t next_seq;
`,
  },
  {
    file: "src/rdkafka_request.c",
    why: "the same: the places that the broker names are not those of what is left",
    find: `                rd_kafka_msgbatch_handle_Produce_result_record_errors(presult,
                                                                      batch);
                /* Enqueue messages for delivery report. */
`,
    replace: `                if (!parted)
                        rd_kafka_msgbatch_handle_Produce_result_record_errors(
                            presult, batch);
                /* Enqueue messages for delivery report. */
`,
  },
  {
    file: "src/rdkafka_msgset_writer.c",
    // Those that were taken back have lost their bounds. Of messages with other retries the wait and the end are others.
    why: "a new batch must not have what cannot stay together, nor the first of a batch that is to come again as it was",
    find: `                if (unlikely(rkm->rkm_u.producer.ts_backoff > now)) {
`,
    replace: `                if (msgcnt > 0 && !msetw->msetw_batch->last_msgid &&
                    unlikely(rkm->rkm_u.producer.last_msgid ||
                             rkm->rkm_u.producer.retries !=
                                 rd_kafka_msgq_first(&msetw->msetw_batch->msgq)
                                     ->rkm_u.producer.retries))
                        break;

                if (unlikely(rkm->rkm_u.producer.ts_backoff > now)) {
`,
  },
  {
    file: "src/rdkafka_msg.c",
    // A broker without a word of the producer takes any sequence: it may write what was sent behind a batch that it refused.
    why: "what waits to be sent and was surely not written must not be confirmed by what was written after it",
    find: `        rd_kafka_msg_t *rkm;

        while ((rkm = rd_kafka_msgq_first(src)) &&
               rkm->rkm_u.producer.msgid <= last_msgid) {
                rd_kafka_msgq_deq(src, rkm, 1);
`,
    replace: `        rd_kafka_msg_t *rkm, *tmp;

        TAILQ_FOREACH_SAFE(rkm, &src->rkmq_msgs, rkm_link, tmp) {
                if (rkm->rkm_u.producer.msgid > last_msgid)
                        break;
                if (rkm->rkm_status == RD_KAFKA_MSG_STATUS_NOT_PERSISTED)
                        continue;
                rd_kafka_msgq_deq(src, rkm, 1);
`,
  },
  {
    file: "src/rdkafka_partition.h",
    why: "nor must anything be sent behind a batch while a broker may not know the producer",
    find: `                uint64_t acked_msgid;      /**< Highest acknowledged message.
`,
    replace: `                rd_ts_t ts_acked;          /**< When the broker last took a
                                            *   batch in this epoch; 0: not yet.
                                            *   Protected by toppar lock. */
                uint64_t acked_msgid;      /**< Highest acknowledged message.
`,
  },
  {
    file: "src/rdkafka_request.c",
    why: "the same: when it last took a batch",
    find: `        if (last_msgid > rktp->rktp_eos.acked_msgid)
                rktp->rktp_eos.acked_msgid = last_msgid;
`,
    replace: `        if (last_msgid > rktp->rktp_eos.acked_msgid)
                rktp->rktp_eos.acked_msgid = last_msgid;
        rktp->rktp_eos.ts_acked = rd_clock();
`,
  },
  {
    file: "src/rdkafka_partition.c",
    why: "the same: none in a new epoch",
    find: `        rktp->rktp_eos.next_ack_seq     = 0;
`,
    replace: `        rktp->rktp_eos.ts_acked         = 0;
        rktp->rktp_eos.next_ack_seq     = 0;
`,
  },
  {
    file: "src/rdkafka_broker.c",
    // It forgets a producer that was idle for producer.id.expiration.ms, a day by default.
    why: "the same: nor after a minute's pause",
    find: `                epoch_base_msgid = rktp->rktp_eos.epoch_base_msgid;
                rd_kafka_toppar_unlock(rktp);
`,
    replace: `                epoch_base_msgid = rktp->rktp_eos.epoch_base_msgid;
                if (now - rktp->rktp_eos.ts_acked > 60 * 1000000 ||
                    !rktp->rktp_eos.ts_acked)
                        max_requests = inflight > 0 ? 0 : 1;
                rd_kafka_toppar_unlock(rktp);
                if (max_requests == 0) {
                        *next_wakeup = caller_wakeup;
                        return 0;
                }
`,
  },
  {
    file: "src/rdkafka_request.c",
    // It leaves a gap in the sequence, for which brokers refuse the next transaction's first batch.
    why: "a transaction with an event that is refused for good must be followed by a new epoch",
    find: `                        rd_kafka_txn_set_abortable_error(
`,
    replace: `                        rd_kafka_txn_set_abortable_error_with_bump(
`,
  },
];
