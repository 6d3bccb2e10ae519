import { queryOptions } from "@tanstack/react-query";
import { body, http, type Schemas } from "@/lib/api/client";

export type Label = Schemas["Label"];
export type LabelRequest = Schemas["LabelRequest"];

const at = (project: string, id: string) => ({ path: { project_id: project, prompt_id: id } });

export const labelsQuery = (project: string, id: string) =>
  queryOptions({
    queryKey: ["p", project, "prompt", id, "labels"],
    queryFn: () => body(http.GET("/api/projects/{project_id}/prompts/{prompt_id}/labels", { params: at(project, id) })),
  });

export const protectedQuery = (project: string) =>
  queryOptions({
    queryKey: ["p", project, "protected-labels"],
    queryFn: () => body(http.GET("/api/projects/{project_id}/protected-labels", { params: { path: { project_id: project } } })),
  });

export const requestsQuery = (project: string, status: "open" | undefined) =>
  queryOptions({
    queryKey: ["p", project, "label-requests", { status }],
    queryFn: () =>
      body(
        http.GET("/api/projects/{project_id}/label-requests", {
          params: { path: { project_id: project }, query: { status, limit: 100 } },
        }),
      ),
  });

export const requestQuery = (project: string, id: string) =>
  queryOptions({
    queryKey: ["p", project, "label-requests", id],
    queryFn: () =>
      body(
        http.GET("/api/projects/{project_id}/label-requests/{request_id}", {
          params: { path: { project_id: project, request_id: id } },
        }),
      ),
  });

export const moveLabel = (project: string, id: string, label: string, version: number, message: string) =>
  body(
    http.PUT("/api/projects/{project_id}/prompts/{prompt_id}/labels/{label}", {
      params: { path: { project_id: project, prompt_id: id, label } },
      body: { version, message: message || null },
    }),
  );

export const removeLabel = (project: string, id: string, label: string) =>
  body(
    http.DELETE("/api/projects/{project_id}/prompts/{prompt_id}/labels/{label}", {
      params: { path: { project_id: project, prompt_id: id, label } },
    }),
  );

export const askForLabel = (project: string, id: string, label: string, version: number, message: string) =>
  body(
    http.POST("/api/projects/{project_id}/prompts/{prompt_id}/label-requests", {
      params: at(project, id),
      body: { label, version, message: message || null },
    }),
  );

export const decide = (project: string, request: string, verdict: "approve" | "reject" | "withdraw") =>
  body(
    http.POST(`/api/projects/{project_id}/label-requests/{request_id}/${verdict}` as const, {
      params: { path: { project_id: project, request_id: request } },
    }),
  );

export const comment = (project: string, request: string, text: string) =>
  body(
    http.POST("/api/projects/{project_id}/label-requests/{request_id}/comments", {
      params: { path: { project_id: project, request_id: request } },
      body: { text },
    }),
  );
