import { expect, test } from "vitest";
import { ago, duration, usd } from "./format";

test("a price that nobody knows is not zero", () => {
  expect([usd(null), usd(0), usd(0.000123), usd(0.0254), usd(12.5)]).toEqual(["unknown", "$0", "$0.000123", "$0.0254", "$12.50"]);
});

test("times as a person says them", () => {
  const now = Date.parse("2026-05-05T12:00:00Z");
  expect([ago("2026-05-05T11:58:00Z", now), ago("2026-05-05T11:59:58Z", now), ago("2026-05-04T11:00:00Z", now)]).toEqual(["2 minutes ago", "just now", "yesterday"]);
  expect([duration(12.4), duration(1500), duration(90_000), duration(null)]).toEqual(["12 ms", "1.5 s", "1.5 min", "–"]);
});
