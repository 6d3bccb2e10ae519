import type { Schemas } from "@/lib/api/client";

type Rendered = { rendered?: string | null; messages?: { role: string; content: string }[] | null };

/** Text as text: whatever a prompt or a model wrote, it is never markup here. */
export function RenderedText({ value }: { value: Rendered }) {
  if (value.messages) {
    return (
      <ol className="flex flex-col gap-2">
        {value.messages.map((message, n) => (
          <li key={n} className="rounded-lg border bg-sunk/60">
            <div className="border-b px-3 py-1 text-xs font-medium text-soft">{message.role}</div>
            <pre className="px-3 py-2 font-mono text-[13px] break-words whitespace-pre-wrap">{message.content}</pre>
          </li>
        ))}
      </ol>
    );
  }
  return <pre tabIndex={0} role="group" aria-label="Rendered text" className="max-h-[60dvh] overflow-auto rounded-lg border bg-sunk/60 px-3 py-2 font-mono text-[13px] break-words whitespace-pre-wrap">{value.rendered}</pre>;
}

export const Faults = ({ faults }: { faults: Schemas["ProblemFault"][] }) => (
  <ul className="flex flex-col gap-1 text-[13px] text-rose">
    {faults.map((fault, n) => (
      <li key={n}>
        {fault.line ? `Line ${fault.line}: ` : fault.loc.length ? <code className="font-mono">{fault.loc.join(".")}: </code> : ""}
        {fault.message}
      </li>
    ))}
  </ul>
);
