import { queryOptions } from "@tanstack/react-query";
import { body, http, withHeaders, type Schemas } from "@/lib/api/client";

export type Part = Schemas["Part"];
export type PartSummary = Schemas["PartSummary"];

const at = (project: string, id: string) => {
  const [category = "", part_id = ""] = id.split("/");
  return { path: { project_id: project, category, part_id } };
};

/** All parts, by id. */
export const partsQuery = (project: string) =>
  queryOptions({
    queryKey: ["p", project, "parts"],
    queryFn: async ({ signal }): Promise<PartSummary[]> => {
      const parts: PartSummary[] = [];
      let cursor: string | undefined;
      do {
        const query = { limit: 200, cursor };
        const answer = await withHeaders(http.GET("/api/projects/{project_id}/parts", { params: { path: { project_id: project }, query }, signal }));
        parts.push(...Object.values(answer.data.by_category).flat());
        cursor = answer.cursor;
      } while (cursor);
      return parts;
    },
    staleTime: 5_000,
  });

export const partQuery = (project: string, id: string) =>
  queryOptions({
    queryKey: ["p", project, "part", id],
    queryFn: () => withHeaders(http.GET("/api/projects/{project_id}/parts/{category}/{part_id}", { params: at(project, id) })),
  });

export const usagesQuery = (project: string, id: string) =>
  queryOptions({
    queryKey: ["p", project, "part", id, "usages"],
    queryFn: () => body(http.GET("/api/projects/{project_id}/parts/{category}/{part_id}/usages", { params: at(project, id) })),
  });

export const partVersionsQuery = (project: string, id: string) =>
  queryOptions({
    queryKey: ["p", project, "part", id, "versions"],
    queryFn: () =>
      body(http.GET("/api/projects/{project_id}/parts/{category}/{part_id}/versions", { params: { ...at(project, id), query: { limit: 200 } } })),
  });

export const partDiffQuery = (project: string, id: string, from: number, to: number) =>
  queryOptions({
    queryKey: ["p", project, "part", id, "diff", from, to],
    queryFn: () =>
      body(
        http.GET("/api/projects/{project_id}/parts/{category}/{part_id}/versions/{number}/diff/{other}", {
          params: { path: { ...at(project, id).path, number: from, other: to } },
        }),
      ),
    staleTime: Infinity,
  });

export const createPart = (project: string, part: Schemas["NewPart"]) =>
  body(http.POST("/api/projects/{project_id}/parts", { params: { path: { project_id: project } }, body: part }));

export const savePart = (project: string, id: string, change: Schemas["PartChange"], etag?: string) =>
  body(
    http.PUT("/api/projects/{project_id}/parts/{category}/{part_id}", {
      params: { ...at(project, id), header: { "if-match": etag } },
      body: change,
    }),
  );

export const rollbackPart = (project: string, id: string, version: number) =>
  body(http.POST("/api/projects/{project_id}/parts/{category}/{part_id}/rollback", { params: at(project, id), body: { version } }));

export const deletePart = (project: string, id: string) =>
  body(http.DELETE("/api/projects/{project_id}/parts/{category}/{part_id}", { params: at(project, id) }));
