import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test } from "vitest";
import type { InputSpec } from "@/features/prompts/queries";
import { InputsEditor } from "./inputs-editor";

function Held({ start, seen, missing = [], unused = [] }: { start: Record<string, InputSpec>; seen: (inputs: Record<string, InputSpec>) => void; missing?: string[]; unused?: string[] }) {
  const [inputs, setInputs] = useState(start);
  return <InputsEditor inputs={inputs} missing={missing} unused={unused} onChange={(next) => { seen(next); setInputs(next); }} />;
}

test("renaming keeps an input's place and all that belongs to it", async () => {
  let last: Record<string, InputSpec> = {};
  const start: Record<string, InputSpec> = { a: { type: "string", required: true, enum: ["x"], description: "d" }, b: { type: "number", required: false, default: 3 } };
  render(<Held start={start} seen={(next) => (last = next)} />);
  await userEvent.clear(screen.getByLabelText("Name of a"));
  await userEvent.type(screen.getByLabelText("Name of a"), "first{Enter}");
  expect(Object.entries(last)).toEqual([["first", start.a], ["b", start.b]]);
});

test("a name that cannot be is not taken", async () => {
  let times = 0;
  render(<Held start={{ a: { type: "string", required: true }, b: { type: "string", required: true } }} seen={() => (times += 1)} />);
  await userEvent.clear(screen.getByLabelText("Name of a"));
  await userEvent.type(screen.getByLabelText("Name of a"), "b{Enter}");
  expect(screen.getByLabelText("Name of a")).toHaveValue("a");
  expect(times).toBe(0);
});

test("one click declares what is used, or removes what is not", async () => {
  let last: Record<string, InputSpec> = {};
  render(<Held start={{ old: { type: "string", required: true } }} missing={["town"]} unused={["old"]} seen={(next) => (last = next)} />);
  await userEvent.click(screen.getByRole("button", { name: "Declare it" }));
  expect(last.town).toEqual({ type: "string", required: true });
  await userEvent.click(screen.getByRole("button", { name: "Remove it" }));
  expect(Object.keys(last)).toEqual(["town"]);
});

test("a default that is no JSON yet changes nothing", async () => {
  let last: Record<string, InputSpec> | null = null;
  render(<Held start={{ tags: { type: "array<string>", required: false, default: ["a"] } }} seen={(next) => (last = next)} />);
  await userEvent.click(screen.getByRole("button", { name: "Details of tags" }));
  const field = screen.getByLabelText("Default (JSON)");
  await userEvent.clear(field);
  await userEvent.type(field, '[["b"');
  expect(screen.getByText("This is not JSON yet.")).toBeInTheDocument();
  await userEvent.type(field, "]");
  expect(last).toMatchObject({ tags: { default: ["b"] } });
});
