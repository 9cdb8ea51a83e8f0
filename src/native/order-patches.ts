import type { Patch } from "./patch.ts";

/**
 * What is refused and goes again keeps its place. It is neither confirmed by what is sent behind it, nor mixed with that, nor
 * does the gap that a refused event leaves hit the next one.
 */
export const ORDER_PATCHES: readonly Patch[] = [
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
