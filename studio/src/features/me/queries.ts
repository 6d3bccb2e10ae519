import { queryOptions } from "@tanstack/react-query";
import { body, http, type Schemas } from "@/lib/api/client";
import { login } from "@/lib/login";

export type Role = Schemas["Role"];

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: () => body(http.GET("/api/me")),
  staleTime: 60_000,
});

export const projectQuery = (project: string) =>
  queryOptions({
    queryKey: ["p", project],
    queryFn: () => body(http.GET("/api/projects/{project_id}", { params: { path: { project_id: project } } })),
    staleTime: 60_000,
  });

/** How the address names a project: without login the first one is simply `default`. */
export const nameInAddress = (project: { id: string; slug: string }) =>
  login.mode === "none" && project.slug === "default" ? "default" : project.id;
