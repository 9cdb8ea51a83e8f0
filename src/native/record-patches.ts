import type { Patch } from "./patch.ts";

/**
 * No event is refused for an invalid one beside it. Of a batch with invalid records (without a key, for a compacted topic) those
 * alone fail that the broker names (KIP-467), and the others go again.
 */
export const RECORD_PATCHES: readonly Patch[] = [
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
];
