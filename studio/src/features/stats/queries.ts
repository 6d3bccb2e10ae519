import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { body, http, type Schemas } from "@/lib/api/client";

export type StatsRow = Schemas["StatsRow"];
export type StatsFilter = { days?: string; prompt?: string; model?: string; by?: string };

export const statsQuery = (project: string, groupBy: string, { days, prompt, model }: StatsFilter) =>
  queryOptions({
    queryKey: ["p", project, "stats", groupBy, days, prompt, model],
    queryFn: ({ signal }) =>
      body(
        http.GET("/api/projects/{project_id}/stats", {
          params: {
            path: { project_id: project },
            query: { group_by: groupBy, prompt, model, since: daysAgo(Number(days ?? 30)) },
          },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
    staleTime: 10_000,
  });

const daysAgo = (days: number) => new Date(Date.now() - (days - 1) * 86_400_000).toISOString().slice(0, 10);
