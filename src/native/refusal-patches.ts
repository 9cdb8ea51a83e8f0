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
    // Two at least: so the next batch is smaller. It is refused only where the topic's limit is lower than this one.
    why: "the same: which it learns when a batch of more than one message is refused",
    find: `/**
 * @brief Error-handling for failed ProduceRequests
`,
    // Nothing of the batch is written, so its bounds need not be kept. A client that terminates takes nothing back.
    replace: `static void rd_kafka_toppar_take_back(rd_kafka_toppar_t *rktp,
                                      rd_kafka_msgq_t *msgq) {
        rd_kafka_t *rk = rktp->rktp_rkt->rkt_rk;
        rd_kafka_msg_t *rkm;

        if (rd_kafka_terminating(rk))
                return;
        TAILQ_FOREACH(rkm, &msgq->rkmq_msgs, rkm_link)
        rkm->rkm_u.producer.last_msgid = 0;
        rd_kafka_toppar_lock(rktp);
        rktp->rktp_eos.unsettled_msgid =
            RD_MIN(rktp->rktp_eos.unsettled_msgid,
                   rd_kafka_msgq_first(msgq)->rkm_u.producer.msgid - 1);
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
        half += (int64_t)rd_kafka_msg_wire_size(rkm, 2);
        half /= 2;
        rd_kafka_toppar_lock(rktp);
        limit = rd_atomic64_get(&rktp->rktp_batch_limit);
        if (limit == 0 || half < limit)
                rd_atomic64_set(&rktp->rktp_batch_limit, half);
        rd_kafka_toppar_unlock(rktp);
        return rd_true;
}

/**
 * @brief Error-handling for failed ProduceRequests
`,
  },
  {
    file: "src/rdkafka_request.c",
    why: "such a batch is not failed but sent again; it is written nowhere",
    find: `                rd_kafka_handle_idempotent_Produce_error(rkb, batch, perr);

`,
    replace: `                rd_kafka_handle_idempotent_Produce_error(rkb, batch, perr);

        halved = (!rd_kafka_is_idempotent(rk) ||
                  rd_kafka_pid_eq(batch->pid, perr->rktp_pid)) &&
                 rd_kafka_msgbatch_halve(batch, perr->err);
        if (halved) {
                perr->actions = RD_KAFKA_ERR_ACTION_RETRY |
                                RD_KAFKA_ERR_ACTION_MSG_NOT_PERSISTED;
                perr->incr_retry = 0;
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
        rd_bool_t halved;
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
    // Brokers know a batch that comes again by its first and last message.
    why: "a partition's batches must be no larger than its broker takes, but for those that come again as they were",
    find: `        rd_kafka_msgbatch_set_first_msg(msetw->msetw_batch, rkm);
`,
    replace: `        rd_kafka_msgbatch_set_first_msg(msetw->msetw_batch, rkm);

        batch_limit = (size_t)rd_atomic64_get(&rktp->rktp_batch_limit);
        if (unlikely(batch_limit > 0) && !msetw->msetw_batch->last_msgid)
                max_msg_size = RD_MIN(max_msg_size, batch_limit);
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
    // Where it names one that is not there, all fail: taken back again and again they would never end.
    replace: `static void
rd_kafka_msgbatch_part(rd_kafka_msgbatch_t *batch,
                       const rd_kafka_Produce_result_t *presult,
                       rd_kafka_msgq_t *valid) {
        rd_kafka_msg_t *rkm, *tmp;

        if (!presult || presult->record_errors_cnt < 1 ||
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
                        rd_kafka_msgbatch_part(batch, presult, &valid);
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
];
