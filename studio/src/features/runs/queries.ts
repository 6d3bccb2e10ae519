import { queryOptions } from "@tanstack/react-query";
import { body, events, http, type Schemas } from "@/lib/api/client";

export type RunResult = Schemas["RunResult"];

export const modelsQuery = (project: string) =>
  queryOptions({
    queryKey: ["p", project, "models"],
    queryFn: () => body(http.GET("/api/projects/{project_id}/models", { params: { path: { project_id: project } } })),
    staleTime: 60_000,
  });

export const streamRun = (project: string, prompt: string, request: Schemas["ExecuteRequest"], signal: AbortSignal) =>
  events(`/api/projects/${project}/prompts/${encodeURIComponent(prompt)}/execute?stream=true`, request, signal);
