// Loaded into sidepost before its own code (`bun --preload`): faults that no request is there for, each at a signal.
process.on("SIGUSR2", () => {
  setTimeout(() => {
    throw new Error("thrown in a timer");
  });
  void Promise.reject(new Error("rejected, and nobody looks"));
});
process.on("SIGWINCH", () => {
  const { sleep } = Bun;
  const POLL_MS = 20; // The drain's own.
  Bun.sleep = (ms) => {
    if (ms === POLL_MS) throw new Error("the drain breaks");
    return sleep(ms);
  };
});
