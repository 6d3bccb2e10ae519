import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { body, http, withHeaders } from "@/lib/api/client";

export type RunFilter = { prompt?: string; version?: string; label?: string; provider?: string; model?: string; status?: string; source?: string; user?: string; since?: string };

export const executionsQuery = (project: string, filter: RunFilter) =>
  infiniteQueryOptions({
    queryKey: ["p", project, "executions", filter],
    queryFn: ({ pageParam, signal }) =>
      withHeaders(
        http.GET("/api/projects/{project_id}/executions", {
          params: {
            path: { project_id: project },
            query: { ...(filter as Record<string, never>), limit: 50, cursor: pageParam },
          },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.cursor,
  });

export const executionQuery = (project: string, id: string) =>
  queryOptions({
    queryKey: ["p", project, "execution", id],
    queryFn: () =>
      body(
        http.GET("/api/projects/{project_id}/executions/{execution_id}", {
          params: { path: { project_id: project, execution_id: id } },
        }),
      ),
    staleTime: Infinity,
  });
