import { infiniteQueryOptions } from "@tanstack/react-query";
import { body, http, withHeaders, type Schemas } from "@/lib/api/client";

export type PromptVersion = Schemas["PromptVersion"];

export const versionsQuery = (project: string, id: string) =>
  infiniteQueryOptions({
    queryKey: ["p", project, "prompt", id, "versions"],
    queryFn: ({ pageParam }) =>
      withHeaders(
        http.GET("/api/projects/{project_id}/prompts/{prompt_id}/versions", {
          params: { path: { project_id: project, prompt_id: id }, query: { limit: 50, cursor: pageParam } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.cursor,
  });

export const rollback = (project: string, id: string, version: number, message: string, etag?: string) =>
  body(
    http.POST("/api/projects/{project_id}/prompts/{prompt_id}/rollback", {
      params: { path: { project_id: project, prompt_id: id }, header: { "if-match": etag } },
      body: { version, message: message || null },
    }),
  );
