import type { Patch } from "./patch.ts";

/**
 * What may have been written is not written again, and a producer outlives its epochs. librdkafka starts a new epoch of its producer,
 * for all partitions, when the sequence of one has a gap: an event was refused or ran out of time, or a leader moved. To
 * brokers that is another producer: an event that was sent in the old epoch, was written, and whose answer did not come, or
 * was "not the leader", came again in the new one, and behind events that were sent after it
 * (confluentinc/librdkafka#4953). Now a partition stays in its epoch until brokers have told of each such event, which they
 * know in that epoch, whether they have it. Java's client does likewise.
 */
export const EPOCH_PATCHES: readonly Patch[] = [
  {
    file: "src/rdkafka_partition.h",
    why: "a partition must know up to where its events may have been written in its epoch",
    find: `                rd_bool_t wait_drain;      /**< All inflight requests must
`,
    replace: `                uint64_t unsettled_msgid;  /**< Up to here messages that
                                            *   wait to be sent again may
                                            *   have been written.
                                            *   Protected by toppar lock. */
                rd_bool_t wait_drain;      /**< All inflight requests must
`,
  },
  {
    file: "src/rdkafka_request.c",
    // A broker that says "out of order" has nothing of that request, nor of any after it; nor one to whom it was too large from
    // the first time on.
    why: "the same, by what becomes of each request: sent and not answered for good, or not written for sure",
    find: `                        rd_kafka_idemp_drain_toppar(rktp,
                                                    "drain before retrying");
`,
    replace: `                        if ((halved && !doubtful) ||
                            perr->err ==
                                RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER ||
                            perr->err == RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID)
                                rktp->rktp_eos.unsettled_msgid =
                                    RD_MIN(rktp->rktp_eos.unsettled_msgid,
                                           batch->first_msgid - 1);
                        else if (rd_kafka_buf_was_sent(request))
                                rktp->rktp_eos.unsettled_msgid = RD_MAX(
                                    rktp->rktp_eos.unsettled_msgid,
                                    rd_kafka_msgq_last(&batch->msgq)
                                        ->rkm_u.producer.msgid);
                        rd_kafka_idemp_drain_toppar(rktp,
                                                    "drain before retrying");
`,
  },
  {
    file: "src/rdkafka_broker.c",
    why: "a partition must be able to go on with another producer id than the one it is given",
    find: `                                          rd_kafka_toppar_t *rktp,
                                          const rd_kafka_pid_t pid,
                                          rd_ts_t now,
`,
    replace: `                                          rd_kafka_toppar_t *rktp,
                                          rd_kafka_pid_t pid,
                                          rd_ts_t now,
`,
  },
  {
    file: "src/rdkafka_broker.c",
    // What is in flight no longer is back in the queues (drain-patches.ts): so the number is read before they are.
    why: "the same: whether it does, and up to where",
    find: `        int inflight              = 0;
        uint64_t epoch_base_msgid = 0;
`,
    replace: `        int inflight       = rd_atomic32_get(&rktp->rktp_msgs_inflight);
        rd_bool_t settling = rd_false;
        uint64_t unsettled_msgid  = 0;
        uint64_t epoch_base_msgid = 0;
`,
  },
  {
    file: "src/rdkafka_broker.c",
    // What is in flight while the epochs differ was sent to be settled. A transaction is aborted before its epoch changes.
    why: "the same: it does so while there is something to be settled",
    find: `        rd_kafka_toppar_unlock(rktp);


        if (rd_kafka_is_idempotent(rkb->rkb_rk)) {
`,
    replace: `        if (unlikely(!rd_kafka_pid_eq(pid, rktp->rktp_eos.pid)) &&
            rd_kafka_pid_valid(pid) && rd_kafka_pid_valid(rktp->rktp_eos.pid) &&
            !rd_kafka_is_transactional(rkb->rkb_rk)) {
                rkm             = rd_kafka_msgq_first(&rktp->rktp_xmit_msgq);
                unsettled_msgid = rktp->rktp_eos.unsettled_msgid;
                settling        = inflight > 0 ||
                           (rkm &&
                            rkm->rkm_u.producer.msgid <= unsettled_msgid);
                if (settling)
                        pid = rktp->rktp_eos.pid;
        }
        rd_kafka_toppar_unlock(rktp);


        if (rd_kafka_is_idempotent(rkb->rkb_rk)) {
`,
  },
  {
    file: "src/rdkafka_broker.c",
    // What waits behind would keep the thread awake.
    why: "the same: and sends nothing else meanwhile, but sleeps",
    find: `        for (reqcnt = 0; reqcnt < max_requests; reqcnt++) {
                r = rd_kafka_ProduceRequest(rkb, rktp, pid, epoch_base_msgid);
`,
    replace: `        for (reqcnt = 0; reqcnt < max_requests; reqcnt++) {
                rkm = rd_kafka_msgq_first(&rktp->rktp_xmit_msgq);
                if (settling &&
                    (!rkm || rkm->rkm_u.producer.msgid > unsettled_msgid)) {
                        *next_wakeup = caller_wakeup;
                        break;
                }
                r = rd_kafka_ProduceRequest(rkb, rktp, pid, epoch_base_msgid);
`,
  },
  {
    file: "src/rdkafka_idempotence.c",
    // The 32,769th refusal in a producer's life made it epoch 0 again, and brokers refused all events of every partition
    // that knew a later one (confluentinc/librdkafka#3720).
    why: "a producer whose epochs are used up must ask for another id",
    find: `                } else {
                        /* The idempotent producer can bump its own epoch */
`,
    replace: `                } else if (rk->rk_eos.pid.epoch == INT16_MAX) {
                        rd_kafka_idemp_set_state(rk,
                                                 RD_KAFKA_IDEMP_STATE_REQ_PID);
                        restart_tmr = rd_true;
                } else {
                        /* The idempotent producer can bump its own epoch */
`,
  },
];
