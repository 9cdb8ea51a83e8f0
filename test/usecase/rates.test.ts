import { expect, test } from "bun:test";
import { createRates } from "../../src/usecase/rates.ts";

function start() {
  const flow = { taken: 0, delivered: 0, answered: 0 };
  const clock = { ms: 0 };
  const rates = createRates(
    () => flow,
    () => clock.ms,
  );
  const pass = (seconds: number, taken: number): void => {
    for (let second = 0; second < seconds; second++) {
      clock.ms += 1000;
      flow.taken += taken;
      rates.sample();
    }
  };
  return { flow, clock, rates, pass };
}

test("before any time has passed nothing has a rate", () => {
  const { flow, rates } = start();
  flow.taken = 100;
  expect(rates.read()).toEqual({ taken: 0, delivered: 0, answered: 0 });
});

test("a rate is of a second, from the first one on", () => {
  const { flow, clock, rates } = start();
  Object.assign(flow, { taken: 50, delivered: 20, answered: 10 });
  clock.ms = 500;
  expect(rates.read()).toEqual({ taken: 100, delivered: 40, answered: 20 });
});

test("what is older than ten seconds is forgotten", () => {
  const { rates, pass } = start();
  pass(30, 1000);
  expect(rates.read().taken).toBe(1000);
  pass(5, 0);
  expect(rates.read().taken).toBeCloseTo(444.4, 1);
  pass(5, 0);
  expect(rates.read().taken).toBe(0);
});
