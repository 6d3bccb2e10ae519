import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { RefreshCw } from "lucide-react";
import { Page } from "@/components/layout/page";
import { Button } from "@/components/ui/button";
import { Input, Select } from "@/components/ui/field";
import { Empty, Failure, Skeletons } from "@/components/ui/states";
import { Table } from "@/components/ui/table";
import { executionsQuery, type RunFilter } from "@/features/executions/queries";
import { StatusBadge } from "@/features/executions/status-badge";
import { paths } from "@/config/paths";
import { ago, count, duration, moment, usd } from "@/lib/format";
import { useDebounced, useTitle } from "@/lib/hooks";

const TEXTS: [keyof RunFilter, string][] = [
  ["prompt", "Prompt"],
  ["version", "Version"],
  ["label", "Label"],
  ["provider", "Provider"],
  ["model", "Model"],
  ["user", "User"],
];
const CHOICES: [keyof RunFilter, string, string[]][] = [
  ["status", "Any status", ["ok", "error", "timeout", "cancelled", "invalid"]],
  ["source", "Any source", ["execute", "client", "otlp"]],
];

export function RunsPage() {
  const { project = "" } = useParams({ strict: false });
  const filter = useSearch({ strict: false }) as RunFilter;
  const asked = useDebounced(filter, 150);
  const navigate = useNavigate();
  useTitle("Runs");
  const pages = useInfiniteQuery(executionsQuery(project, asked));
  const runs = pages.data?.pages.flatMap((page) => page.data) ?? [];
  const narrow = (change: RunFilter) => void navigate({ to: paths.runs(project), search: { ...filter, ...change }, replace: true });
  const isNarrowed = Object.values(filter).some(Boolean);
  return (
    <Page
      full
      title="Runs"
      lead="Every run of a prompt: from the Studio, from your programs, from OpenTelemetry."
      actions={
        <Button onClick={() => void pages.refetch()} busy={pages.isRefetching}>
          <RefreshCw /> Refresh
        </Button>
      }
    >
      <div role="search" className="flex flex-wrap gap-2">
        {TEXTS.map(([name, label]) => (
          <Input key={name} aria-label={label} placeholder={label} className="h-8 w-32" value={filter[name] ?? ""} onChange={(event) => narrow({ [name]: event.target.value || undefined })} />
        ))}
        {CHOICES.map(([name, any, options]) => (
          <Select key={name} aria-label={name} className="h-8 w-36" value={filter[name] ?? ""} onChange={(event) => narrow({ [name]: event.target.value || undefined })}>
            <option value="">{any}</option>
            {options.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </Select>
        ))}
        {isNarrowed && (
          <Button size="sm" look="ghost" onClick={() => void navigate({ to: paths.runs(project), search: {} })}>
            Clear
          </Button>
        )}
      </div>
      {pages.error ? (
        <Failure error={pages.error} retry={() => void pages.refetch()} />
      ) : pages.isPending ? (
        <Skeletons rows={8} className="h-10" />
      ) : runs.length === 0 ? (
        isNarrowed ? (
          <Empty title="No run is like that">Take a filter away, or look again later.</Empty>
        ) : (
          <Empty title="Nothing has run yet">
            Run a prompt here, or record what your program runs: <code className="font-mono">dakora.executions.log(…)</code> in Python, or any OpenTelemetry exporter that is sent to <code className="font-mono">/api/v1/traces</code>.
          </Empty>
        )
      ) : (
        <>
          <Table label="Runs">
            <thead>
              <tr>
                <th>When</th>
                <th>Prompt</th>
                <th>Status</th>
                <th>Model</th>
                <th className="text-right">Tokens</th>
                <th className="text-right">Latency</th>
                <th className="text-right">Cost</th>
                <th>From</th>
              </tr>
            </thead>
            <tbody>
              {runs.map((one) => (
                <tr key={one.id} className="relative hover:bg-sunk">
                  <td className="whitespace-nowrap">
                    <Link to={paths.runDetail(project, one.id)} className="after:absolute after:inset-0">
                      <time dateTime={one.started_at} title={moment(one.started_at)}>
                        {ago(one.started_at)}
                      </time>
                    </Link>
                  </td>
                  <td className="max-w-72 truncate font-mono">
                    {one.prompt_id ?? "–"}
                    {one.version_number && <span className="text-soft"> v{one.version_number}</span>}
                  </td>
                  <td>
                    <StatusBadge status={one.status} />
                  </td>
                  <td className="whitespace-nowrap">{one.model ?? "–"}</td>
                  <td className="text-right whitespace-nowrap">
                    {count(one.input_tokens)} → {count(one.output_tokens)}
                  </td>
                  <td className="text-right whitespace-nowrap">{duration(one.latency_ms)}</td>
                  <td className="text-right whitespace-nowrap">{usd(one.cost_usd)}</td>
                  <td className="text-soft">{one.source}</td>
                </tr>
              ))}
            </tbody>
          </Table>
          {pages.hasNextPage && (
            <Button className="self-center" busy={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
              Earlier runs
            </Button>
          )}
        </>
      )}
    </Page>
  );
}
