import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { Card, Page } from "@/components/layout/page";
import { Input, Select } from "@/components/ui/field";
import { Empty, Failure, Skeletons } from "@/components/ui/states";
import { Table } from "@/components/ui/table";
import { Chart, type Series } from "@/features/stats/charts";
import { statsQuery, type StatsFilter, type StatsRow } from "@/features/stats/queries";
import { paths } from "@/config/paths";
import { count, duration, usd } from "@/lib/format";
import { useDebounced, useTitle } from "@/lib/hooks";

const GROUPS: [string, string, string][] = [
  ["model", "By model", "provider,model"],
  ["version", "By version", "prompt,version"],
  ["prompt", "By prompt", "prompt"],
  ["label", "By label", "label"],
  ["status", "By status", "status"],
];
const MOST_SERIES = 6;

const nameOf = (row: StatsRow) =>
  [row.provider, row.model, row.prompt_id, row.version_number ? `v${row.version_number}` : null, row.label, row.status].filter(Boolean).join(" ") || "(none)";

/** Rows of days and groups as one row a day; the largest groups are shown. */
function byDay(rows: StatsRow[], figure: (row: StatsRow) => number | null) {
  const totals = new Map<string, number>();
  for (const row of rows) totals.set(nameOf(row), (totals.get(nameOf(row)) ?? 0) + row.count);
  const names = [...totals].sort((a, b) => b[1] - a[1]).slice(0, MOST_SERIES).map(([name]) => name);
  const series: Series[] = names.map((name, n) => ({ key: `s${n}`, name }));
  const days = new Map<string, Record<string, number | string | null>>();
  for (const row of rows) {
    const n = names.indexOf(nameOf(row));
    if (!row.day || n < 0) continue;
    const day = days.get(row.day) ?? { day: row.day };
    day[`s${n}`] = figure(row);
    days.set(row.day, day);
  }
  return { series, data: [...days.values()].sort((a, b) => String(a.day).localeCompare(String(b.day))) };
}

export function StatsPage() {
  const { project = "" } = useParams({ strict: false });
  const filter = useSearch({ strict: false }) as StatsFilter;
  const asked = useDebounced(filter, 150);
  const navigate = useNavigate();
  useTitle("Numbers");
  const by = GROUPS.find(([name]) => name === (filter.by ?? "model")) ?? (GROUPS[0] as [string, string, string]);
  const days = useQuery(statsQuery(project, `day,${by[2]}`, asked));
  const groups = useQuery(statsQuery(project, by[2], asked));
  const narrow = (change: StatsFilter) => void navigate({ to: paths.stats(project), search: { ...filter, ...change }, replace: true });
  const rows = useMemo(() => days.data ?? [], [days.data]);
  const charts = useMemo(
    () =>
      [
        ["Cost", "bar", usd, (row: StatsRow) => row.cost_usd],
        ["Latency, p95", "line", duration, (row: StatsRow) => row.latency_ms?.p95 ?? null],
        ["Tokens", "bar", count, (row: StatsRow) => row.input_tokens + row.output_tokens],
        ["Errors", "bar", count, (row: StatsRow) => row.errors],
      ].map(([title, kind, format, figure]) => ({ title, kind, format, ...byDay(rows, figure as (row: StatsRow) => number | null) }) as { title: string; kind: "bar" | "line"; format: (n: number) => string } & ReturnType<typeof byDay>),
    [rows],
  );
  return (
    <Page full title="Numbers" lead="Cost, latency, tokens and errors, day by day.">
      <div role="search" className="flex flex-wrap gap-2">
        <Select aria-label="Time" className="w-36" value={filter.days ?? "30"} onChange={(event) => narrow({ days: event.target.value })}>
          <option value="1">Today</option>
          <option value="7">7 days</option>
          <option value="30">30 days</option>
          <option value="90">90 days</option>
        </Select>
        <Select aria-label="Grouped by" className="w-36" value={by[0]} onChange={(event) => narrow({ by: event.target.value })}>
          {GROUPS.map(([name, label]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </Select>
        <Input aria-label="Prompt" placeholder="Prompt" className="w-44" value={filter.prompt ?? ""} onChange={(event) => narrow({ prompt: event.target.value || undefined })} />
        <Input aria-label="Model" placeholder="Model" className="w-44" value={filter.model ?? ""} onChange={(event) => narrow({ model: event.target.value || undefined })} />
      </div>
      {days.error ? (
        <Failure error={days.error} retry={() => void days.refetch()} />
      ) : days.isPending ? (
        <Skeletons rows={2} className="h-64" />
      ) : rows.length === 0 ? (
        <Empty title="No runs in this time">Once prompts run, here is what they cost, how long they take and how often they fail, for each version and model.</Empty>
      ) : (
        <>
          <div className="grid grid-cols-[minmax(0,1fr)] gap-4 lg:grid-cols-2">
            {charts.map(({ title, kind, format, data, series }) => (
              <Card key={title} title={title}>
                <Chart label={`${title} by day, ${by[1].toLowerCase()}`} kind={kind} format={format} data={data} series={series} />
              </Card>
            ))}
          </div>
          <Table label="Sums">
            <thead>
              <tr>
                <th>{by[1].slice(3)}</th>
                {["Runs", "Errors", "Tokens in", "Tokens out", "Cost", "p50", "p95", "p99"].map((name) => (
                  <th key={name} className="text-right">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {groups.data?.map((row) => (
                <tr key={nameOf(row)} className="[&_td:not(:first-child)]:text-right">
                  <td className="font-mono">{nameOf(row)}</td>
                  <td>{count(row.count)}</td>
                  <td className={row.errors ? "text-rose" : ""}>{count(row.errors)}</td>
                  <td>{count(row.input_tokens)}</td>
                  <td>{count(row.output_tokens)}</td>
                  <td title={row.unpriced ? `${row.unpriced} runs have no known price` : undefined}>
                    {usd(row.unpriced === row.count ? null : row.cost_usd)}
                    {row.unpriced > 0 && row.unpriced < row.count && " +"}
                  </td>
                  <td>{duration(row.latency_ms?.p50)}</td>
                  <td>{duration(row.latency_ms?.p95)}</td>
                  <td>{duration(row.latency_ms?.p99)}</td>
                </tr>
              ))}
            </tbody>
          </Table>
        </>
      )}
    </Page>
  );
}
