import type { Patch } from "./patch.ts";

/** Requests in flight: how many there are is known in time, and to wait for them costs nothing. */
export const DRAIN_PATCHES: readonly Patch[] = [
  {
    file: "src/rdkafka_broker.c",
    // An idempotent producer has one request of five or more messages in flight for a partition. While more messages
    // wait behind it, "their linger is over" sets the wake-up to now, so the broker's thread polls without a pause until
    // the answer comes: a whole core, where the answer itself will wake the thread.
    why: "a broker thread must sleep, not spin, while a partition's requests in flight are at their limit",
    find: `        /* Check if allowed to create and enqueue a ProduceRequest */
        if (max_requests <= 0)
                return 0;
`,
    replace: `        /* Check if allowed to create and enqueue a ProduceRequest */
        if (max_requests <= 0) {
                *next_wakeup = caller_wakeup;
                return 0;
        }
`,
  },
  {
    file: "src/rdkafka_broker.c",
    why: "the other half of the one above: the wake-up that the caller came with",
    find: `        rd_bool_t batch_ready     = rd_false;

        /* By limiting the number of not-yet-sent buffers`,
    replace: `        rd_bool_t batch_ready     = rd_false;
        rd_ts_t caller_wakeup     = *next_wakeup;

        /* By limiting the number of not-yet-sent buffers`,
  },
  {
    file: "src/rdkafka_broker.c",
    why: "the same while all requests in flight must come back before any is sent again",
    find: `                                            RD_KAFKAP_Produce, rktp,
                                            RD_KAFKA_RESP_ERR__RETRY);

                                return 0;
`,
    replace: `                                            RD_KAFKAP_Produce, rktp,
                                            RD_KAFKA_RESP_ERR__RETRY);

                                *next_wakeup = caller_wakeup;
                                return 0;
`,
  },
  {
    file: "src/rdkafka_broker.c",
    why: "a number of requests in flight that is read later belongs to other queues than those that are looked at",
    find: `                inflight = rd_atomic32_get(&rktp->rktp_msgs_inflight);

                if (unlikely(rktp->rktp_eos.wait_drain)) {
`,
    replace: `                if (unlikely(rktp->rktp_eos.wait_drain)) {
`,
  },
  {
    file: "src/rdkafka_request.c",
    // The thread of the next leader looks at that number: where it saw none while they were on their way back, it sent
    // what comes behind them, in the next epoch even (reordered in 4 of 10 runs with a pause of 100 us at that place).
    why: "what is in flight no longer must be back in its queue by then",
    find: `        rd_bool_t last_inflight;
        int32_t next_seq;

        /* Decrease partition's messages in-flight counter */
        rd_assert(rd_atomic32_get(&rktp->rktp_msgs_inflight) >=
                  rd_kafka_msgq_len(&batch->msgq));
        last_inflight = !rd_atomic32_sub(&rktp->rktp_msgs_inflight,
                                         rd_kafka_msgq_len(&batch->msgq));
`,
    replace: `        const int batch_cnt = rd_kafka_msgq_len(&batch->msgq);
        int32_t next_seq;
`,
  },
  {
    file: "src/rdkafka_request.c",
    why: "the other half of the one above; a next leader that waits, asleep, is woken",
    find: `        if (rd_kafka_is_idempotent(rk) && last_inflight)
                rd_kafka_idemp_inflight_toppar_sub(rk, rktp);
`,
    replace: `        /* Decrease partition's messages in-flight counter */
        if (rd_atomic32_sub(&rktp->rktp_msgs_inflight, batch_cnt) == 0 &&
            rd_kafka_is_idempotent(rk)) {
                rd_kafka_idemp_inflight_toppar_sub(rk, rktp);
                rd_kafka_toppar_lock(rktp);
                if (rktp->rktp_broker && rktp->rktp_broker != rkb)
                        rd_kafka_broker_wakeup(rktp->rktp_broker,
                                               "requests came back");
                rd_kafka_toppar_unlock(rktp);
        }
`,
  },
];
