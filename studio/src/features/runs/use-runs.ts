import { useCallback, useEffect, useRef, useState } from "react";
import { streamRun, type RunResult } from "./queries";

/** One column: which version on which model, and how far it is. */
export type Column = { key: string; version: string; model: string };
export type Progress = { state: "idle" | "running" | "done" | "failed"; output: string; result?: RunResult; error?: unknown; executionId?: string };

const IDLE: Progress = { state: "idle", output: "" };

/** Runs of several columns at once, each streamed by itself: one that fails takes no other with it. */
export function useRuns(project: string, prompt: string) {
  const [progress, setProgress] = useState<Record<string, Progress>>({});
  const controllers = useRef<AbortController[]>([]);
  const put = useCallback((key: string, change: (was: Progress) => Progress) => setProgress((all) => ({ ...all, [key]: change(all[key] ?? IDLE) })), []);

  const runOne = useCallback(
    async ({ key, version, model }: Column, inputs: Record<string, unknown>, controller: AbortController) => {
      put(key, () => ({ state: "running", output: "" }));
      const [provider, ...name] = model.split("/");
      const isNumber = /^\d+$/.test(version);
      const request = {
        inputs: inputs as Record<string, never>,
        ...(isNumber ? { version: Number(version) } : version ? { label: version } : {}),
        ...(model ? { model: { provider: provider ?? null, name: name.join("/") } } : {}),
      };
      try {
        for await (const { name: event, data } of streamRun(project, prompt, request, controller.signal)) {
          if (event === "start") put(key, (was) => ({ ...was, executionId: String(data.execution_id) }));
          if (event === "delta") put(key, (was) => ({ ...was, output: was.output + String(data.text) }));
          if (event === "done") put(key, (was) => ({ ...was, state: "done", result: data as unknown as RunResult, output: String(data.output ?? was.output) }));
          if (event === "error") put(key, (was) => ({ ...was, state: "failed", error: new Error(String(data.detail ?? data.title ?? "The run failed.")) }));
        }
        put(key, (was) => (was.state === "running" ? { ...was, state: "failed", error: new Error("The connection ended before the answer did.") } : was));
      } catch (error) {
        const stopped = error instanceof DOMException && error.name === "AbortError";
        put(key, (was) => ({ ...was, state: "failed", error: stopped ? new Error("Stopped.") : error }));
      }
    },
    [project, prompt, put],
  );
  const stop = useCallback(() => controllers.current.forEach((one) => one.abort()), []);
  const run = useCallback(
    (columns: Column[], inputs: Record<string, unknown>) => {
      stop();
      controllers.current = columns.map(() => new AbortController());
      columns.forEach((column, n) => void runOne(column, inputs, controllers.current[n] as AbortController));
    },
    [runOne, stop],
  );
  useEffect(() => stop, [stop]);
  return { progress, run, stop, busy: Object.values(progress).some((one) => one.state === "running") };
}
