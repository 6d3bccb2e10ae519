import { queryOptions } from "@tanstack/react-query";
import { body, http } from "@/lib/api/client";

const at = (workspace: string) => ({ workspace_id: workspace });

export const membersQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["w", workspace, "members"],
    queryFn: () => body(http.GET("/api/workspaces/{workspace_id}/members", { params: { path: at(workspace), query: { limit: 200 } } })),
  });

export const invitationsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["w", workspace, "invitations"],
    queryFn: () => body(http.GET("/api/workspaces/{workspace_id}/invitations", { params: { path: at(workspace) } })),
    retry: false,
  });
