import { queryOptions } from "@tanstack/react-query";
import { body, http, type Schemas } from "@/lib/api/client";

export type Project = Schemas["Project"];

export const projectsQuery = (workspace: string, archived = false) =>
  queryOptions({
    queryKey: ["w", workspace, "projects", { archived }],
    queryFn: () =>
      body(
        http.GET("/api/workspaces/{workspace_id}/projects", {
          params: { path: { workspace_id: workspace }, query: { limit: 200, archived } },
        }),
      ),
  });
