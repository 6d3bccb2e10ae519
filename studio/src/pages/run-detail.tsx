import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Play } from "lucide-react";
import type { ReactNode } from "react";
import { Card, Page } from "@/components/layout/page";
import { Button } from "@/components/ui/button";
import { Failure, Skeletons } from "@/components/ui/states";
import { RenderedText } from "@/features/editor/rendered";
import { executionQuery } from "@/features/executions/queries";
import { StatusBadge } from "@/features/executions/status-badge";
import { paths } from "@/config/paths";
import { count, duration, moment, usd } from "@/lib/format";
import { useTitle } from "@/lib/hooks";

const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <div>
    <dt className="text-xs text-soft">{name}</dt>
    <dd className="break-words">{children}</dd>
  </div>
);
const notKept = <p className="text-soft">Not kept: the project's settings say so.</p>;

export function RunDetailPage() {
  const { project = "", run = "" } = useParams({ strict: false });
  const found = useQuery(executionQuery(project, run));
  const one = found.data;
  useTitle("Run");
  const messages = one?.messages?.flatMap((given) => {
    const message = given as { role?: unknown; content?: unknown } | null;
    if (!message || typeof message !== "object") return [];
    return [{ role: String(message.role ?? ""), content: typeof message.content === "string" ? message.content : JSON.stringify(message.content, null, 2) }];
  });
  return (
    <Page
      title={one?.prompt_id ?? "Run"}
      lead={one ? moment(one.started_at) : " "}
      actions={
        one?.prompt_id && (
          <Button look="main" asChild>
            <Link to={paths.run(project, one.prompt_id)} search={{ again: one.id }}>
              <Play /> Open it again
            </Link>
          </Button>
        )
      }
    >
      {found.error ? (
        <Failure error={found.error} retry={() => void found.refetch()} />
      ) : !one ? (
        <Skeletons rows={3} className="h-32" />
      ) : (
        <>
          <Card>
            <dl className="grid grid-cols-2 gap-x-6 gap-y-3 sm:grid-cols-4">
              <Fact name="Status">
                <StatusBadge status={one.status} />
              </Fact>
              <Fact name="Version">
                {one.prompt_id && one.version_number ? (
                  <Link className="text-leaf hover:underline" to={paths.history(project, one.prompt_id)}>
                    {one.version_number} ({one.version})
                  </Link>
                ) : (
                  "–"
                )}
              </Fact>
              <Fact name="Label">{one.label ?? "–"}</Fact>
              <Fact name="Model">{[one.provider, one.model].filter(Boolean).join(" / ") || "–"}</Fact>
              <Fact name="Latency">{duration(one.latency_ms)}</Fact>
              <Fact name="First token">{duration(one.first_token_ms)}</Fact>
              <Fact name="Tokens">
                {count(one.input_tokens)} in{one.cached_input_tokens ? ` (${count(one.cached_input_tokens)} cached)` : ""}, {count(one.output_tokens)} out
              </Fact>
              <Fact name="Cost">{usd(one.cost_usd)}</Fact>
              <Fact name="User">{one.user ?? "–"}</Fact>
              <Fact name="Session">{one.session ?? "–"}</Fact>
              <Fact name="From">{one.source}</Fact>
              <Fact name="Trace">{one.trace_id ? <span className="font-mono text-xs">{one.trace_id}</span> : "–"}</Fact>
              {one.parts?.map((part) => (
                <Fact key={part.id} name="Part">
                  <Link className="font-mono text-leaf hover:underline" to={paths.part(project, part.id)}>
                    {part.id}
                  </Link>{" "}
                  v{part.version_number}
                </Fact>
              ))}
            </dl>
          </Card>
          {one.error && (
            <div role="alert" className="rounded-lg bg-rose-wash px-4 py-3 text-rose">
              {one.error.type}: {one.error.message}
            </div>
          )}
          <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 lg:grid-cols-2">
            <Card title="What the model read">{messages?.length ? <RenderedText value={{ messages }} /> : notKept}</Card>
            <div className="flex flex-col gap-4">
              <Card title="What it answered">
                {one.output != null ? <RenderedText value={{ rendered: one.output }} /> : notKept}
                {one.tool_calls?.length ? <RenderedText value={{ rendered: JSON.stringify(one.tool_calls, null, 2) }} /> : null}
              </Card>
              <Card title="Inputs">{one.inputs ? <RenderedText value={{ rendered: JSON.stringify(one.inputs, null, 2) }} /> : notKept}</Card>
              {one.metadata && (
                <Card title="Metadata">
                  <RenderedText value={{ rendered: JSON.stringify(one.metadata, null, 2) }} />
                </Card>
              )}
            </div>
          </div>
        </>
      )}
    </Page>
  );
}
