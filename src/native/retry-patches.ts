import type { Patch } from "./patch.ts";

/** Retries that are counted, that wait as they should, and that are whole. */
export const RETRY_PATCHES: readonly Patch[] = [
  {
    file: "src/rdkafka_int.h",
    // A produce request that failed is not sent again as it is: its messages go back to their partition, and none of
    // librdkafka's counters tells (txretries counts the other kinds of requests).
    why: "produce requests that are sent again must be seen: their number, and which retry of what error the last one is",
    find: `        rd_list_t rk_broker_by_id; /* Fast id lookups. */
`,
    replace: `        rd_list_t rk_broker_by_id; /* Fast id lookups. */
        struct {
                rd_atomic64_t cnt;
                rd_atomic32_t retry;
                rd_atomic32_t err;
        } rk_produce_retries;
`,
  },
  {
    file: "src/rdkafka_request.c",
    why: "the count of the one above: a batch that was on the wire and goes back to its partition, some of it at least",
    find: `                rd_kafka_toppar_retry_msgq(rktp, &batch->msgq, perr->incr_retry,
                                           perr->status);
`,
    // Once back in the partition's queue a message may be sent and freed by another thread.
    replace: `                int before = rd_kafka_msgq_len(&batch->msgq);
                int retry  = before > 0 ? rd_kafka_msgq_first(&batch->msgq)
                                                  ->rkm_u.producer.retries +
                                              perr->incr_retry
                                        : 0;

                rd_kafka_toppar_retry_msgq(rktp, &batch->msgq, perr->incr_retry,
                                           perr->status);

                if (rd_kafka_buf_was_sent(request) &&
                    rd_kafka_msgq_len(&batch->msgq) < before) {
                        rd_atomic64_add(&rk->rk_produce_retries.cnt, 1);
                        rd_atomic32_set(&rk->rk_produce_retries.retry, retry);
                        rd_atomic32_set(&rk->rk_produce_retries.err, perr->err);
                }
`,
  },
  {
    file: "src/rdkafka.c",
    why: "the report of the two above: produce_retries in the statistics",
    find: `            total.txmsg_bytes, total.rxmsgs, total.rxmsg_bytes);

        _st_printf("}" /*close object*/);
`,
    replace: `            total.txmsg_bytes, total.rxmsgs, total.rxmsg_bytes);

        _st_printf(", \\"produce_retries\\":{\\"cnt\\":%" PRId64
                   ",\\"retry\\":%d,\\"err\\":%d}",
                   rd_atomic64_get(&rk->rk_produce_retries.cnt),
                   (int)rd_atomic32_get(&rk->rk_produce_retries.retry),
                   (int)rd_atomic32_get(&rk->rk_produce_retries.err));

        _st_printf("}" /*close object*/);
`,
  },
  {
    file: "src/rdkafka_partition.c",
    // With 100 ms to begin with the 26th retry's wait, and those of some after it, come out below 0: no wait at all.
    why: "the wait before a retry must not overflow an int, however many retries there are",
    find: `                                    (1 << (rkm->rkm_u.producer.retries - 1)) *
                                    retry_ms;
`,
    replace: `                                    ((rd_ts_t)1 << RD_MIN(
                                         rkm->rkm_u.producer.retries - 1, 30)) *
                                    retry_ms;
`,
  },
  {
    file: "src/rdkafka_msg.c",
    // Brokers know a batch that comes again by its first and last sequence. What they do not know they write.
    why: "a batch that was sent must run out of time as a whole, as with Java's client: the rest of it is another batch",
    find: `        int cnt = timedout->rkmq_msg_cnt;

        if (abs_next_timeout)
`,
    replace: `        int cnt            = timedout->rkmq_msg_cnt;
        uint64_t batch_end = 0;

        if (abs_next_timeout)
`,
  },
  {
    file: "src/rdkafka_msg.c",
    // Numbers begin at 1; what has no partition yet has none.
    why: "the other half of the one above: those of the batch whose time is not over",
    find: `                if (likely(rkm->rkm_ts_timeout > now)) {
                        if (abs_next_timeout)
`,
    replace: `                if (likely(rkm->rkm_ts_timeout > now &&
                           !(batch_end &&
                             rkm->rkm_u.producer.msgid <= batch_end))) {
                        if (abs_next_timeout)
`,
  },
  {
    file: "src/rdkafka_msg.c",
    why: "the same: where the batch ends, which its first message knows",
    find: `                if (!first)
                        first = rkm;

                rd_kafka_msgq_deq(rkmq, rkm, 1);
                rd_kafka_msgq_enq(timedout, rkm);
`,
    replace: `                if (!first)
                        first = rkm;
                batch_end = RD_MAX(batch_end, rkm->rkm_u.producer.last_msgid);

                rd_kafka_msgq_deq(rkmq, rkm, 1);
                rd_kafka_msgq_enq(timedout, rkm);
`,
  },
];
