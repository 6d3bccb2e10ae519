import type { ReactNode } from "react";
import { ApiProblem } from "@/lib/api/client";
import { Button } from "./button";

/** What a list says while there is nothing in it: what it is for, and how to begin. */
export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-2 rounded-xl border border-dashed border-line-strong px-6 py-12 text-center">
      <h2 className="text-base font-semibold">{title}</h2>
      <div className="max-w-md text-soft">{children}</div>
      {action && <div className="mt-3">{action}</div>}
    </div>
  );
}

const ADVICE: Record<string, string> = {
  forbidden: "Your role in this workspace does not allow that. An admin can change it under Members.",
  budget_exceeded: "The month's budget is spent. An admin can raise it under Settings → Budget.",
  provider_not_configured: "Add the provider's key under Settings → Providers.",
  rate_limited: "Wait a moment and try again.",
  version_conflict: "Somebody saved in between. Load the newest version and apply your change to it.",
};

/** What went wrong, in one sentence, and what can be done about it. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = error instanceof ApiProblem ? error : null;
  return (
    <div role="alert" className="rounded-lg border border-rose/40 bg-rose-wash px-4 py-3 text-rose">
      <p className="font-medium">{error instanceof Error ? error.message : "Something went wrong."}</p>
      {problem && ADVICE[problem.code] && <p className="mt-1 text-[13px]">{ADVICE[problem.code]}</p>}
      {problem && problem.faults.length > 0 && (
        <ul className="mt-1 list-disc pl-5 text-[13px]">
          {problem.faults.slice(0, 8).map((fault, n) => (
            <li key={n}>
              {fault.loc.length > 0 && <code className="font-mono">{fault.loc.join(".")}</code>} {fault.message}
            </li>
          ))}
        </ul>
      )}
      <div className="mt-2 flex items-center gap-3 text-xs">
        {retry && (
          <Button size="sm" onClick={retry}>
            Try again
          </Button>
        )}
        {problem?.requestId && <span>Request {problem.requestId}</span>}
      </div>
    </div>
  );
}

/** Rows that stand where the real ones will, so that nothing moves when they come. */
export const Skeletons = ({ rows = 6, className = "h-12" }: { rows?: number; className?: string }) => (
  <div className="flex flex-col gap-2" role="status" aria-label="Loading">
    {Array.from({ length: rows }, (_, n) => (
      <div key={n} className={`skeleton ${className}`} />
    ))}
  </div>
);

/** What holds for the page as it is, and is no fault. */
export const Notice = ({ children }: { children: ReactNode }) => (
  <p role="note" className="rounded-lg bg-sunk px-4 py-2.5 text-soft">
    {children}
  </p>
);
