import { Bar, BarChart, CartesianGrid, Legend, Line, LineChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";

const COLOURS = ["var(--leaf)", "var(--ember)", "var(--sky)", "var(--plum)", "var(--moss)", "var(--rose)"];
export type Series = { name: string; key: string };
type Props = { data: Record<string, number | string | null>[]; series: Series[]; format: (value: number) => string; kind: "bar" | "line"; label: string };

const tooltip = { backgroundColor: "var(--card)", border: "1px solid var(--line-strong)", borderRadius: 8, color: "var(--ink)", fontSize: 12 };
const axis = { stroke: "var(--soft)", fontSize: 11, tickLine: false, axisLine: false } as const;

/** One figure over days, a colour for each group; the table below says the same in numbers. */
export function Chart({ data, series, format, kind, label }: Props) {
  const Frame = kind === "bar" ? BarChart : LineChart;
  return (
    <div className="h-56" role="img" aria-label={label}>
      <ResponsiveContainer width="100%" height="100%">
        <Frame data={data} margin={{ top: 4, right: 8, bottom: 0, left: 0 }} accessibilityLayer={false}>
          <CartesianGrid stroke="var(--line)" vertical={false} />
          <XAxis dataKey="day" {...axis} tickFormatter={(day: string) => day.slice(5)} minTickGap={24} />
          <YAxis {...axis} width={58} tickFormatter={format} />
          <Tooltip contentStyle={tooltip} formatter={(value) => format(Number(value))} cursor={{ fill: "var(--sunk)" }} isAnimationActive={false} />
          {series.length > 1 && <Legend wrapperStyle={{ fontSize: 12 }} />}
          {series.map(({ key, name }, n) =>
            kind === "bar" ? (
              <Bar key={key} dataKey={key} name={name} stackId="all" fill={COLOURS[n % COLOURS.length]} isAnimationActive={false} />
            ) : (
              <Line key={key} dataKey={key} name={name} stroke={COLOURS[n % COLOURS.length]} strokeWidth={2} dot={data.length < 3} connectNulls isAnimationActive={false} />
            ),
          )}
        </Frame>
      </ResponsiveContainer>
    </div>
  );
}
