import { queryOptions } from "@tanstack/react-query";
import { body, http, withHeaders, type Schemas } from "@/lib/api/client";

export type Prompt = Schemas["Prompt"];
export type PromptSummary = Schemas["PromptSummary"];
export type InputSpec = Schemas["InputSpec"];
export type PromptDraft = Omit<Schemas["NewPrompt"], "message">;

const at = (project: string, id: string) => ({ path: { project_id: project, prompt_id: id } });

/** Up to so many prompts are kept and filtered in the page itself; beyond, the server searches. */
const MOST = 20_000;
const MOST_FOUND = 1_000;
const PAGE = 200;

export type PromptList = { prompts: PromptSummary[]; complete: boolean };

/** All prompts, page after page; `onPart` hears of what is there already. */
export const promptsQuery = (project: string, search = "", onPart?: (list: PromptList) => void) =>
  queryOptions({
    queryKey: ["p", project, "prompts", { search }],
    queryFn: async ({ signal }): Promise<PromptList> => {
      const prompts: PromptSummary[] = [];
      let cursor: string | undefined;
      do {
        const query = { limit: PAGE, cursor, search: search || undefined };
        const answer = await withHeaders(
          http.GET("/api/projects/{project_id}/prompts", { params: { path: { project_id: project }, query }, signal }),
        );
        prompts.push(...answer.data);
        cursor = answer.cursor;
        if (cursor && prompts.length % 2_000 === PAGE) onPart?.({ prompts: [...prompts], complete: false });
      } while (cursor && prompts.length < (search ? MOST_FOUND : MOST));
      return { prompts, complete: !cursor };
    },
    staleTime: 5_000,
  });

export const promptQuery = (project: string, id: string) =>
  queryOptions({
    queryKey: ["p", project, "prompt", id],
    queryFn: () =>
      withHeaders(
        http.GET("/api/projects/{project_id}/prompts/{prompt_id}", { params: at(project, id) }),
      ),
  });

export const versionQuery = (project: string, id: string, number: number) =>
  queryOptions({
    queryKey: ["p", project, "prompt", id, "version", number],
    queryFn: () =>
      body(
        http.GET("/api/projects/{project_id}/prompts/{prompt_id}/versions/{number}", {
          params: { path: { project_id: project, prompt_id: id, number } },
        }),
      ),
    staleTime: Infinity,
  });

export const createPrompt = (project: string, draft: Schemas["NewPrompt"]) =>
  body(http.POST("/api/projects/{project_id}/prompts", { params: { path: { project_id: project } }, body: draft }));

/** Saves a new version, unless somebody saved since `etag`: then it throws `version_conflict`. */
export const savePrompt = (project: string, id: string, draft: Schemas["PromptChange"], etag: string | undefined) =>
  withHeaders(
    http.PUT("/api/projects/{project_id}/prompts/{prompt_id}", {
      params: { ...at(project, id), header: { "if-match": etag } },
      body: draft,
    }),
  );

export const deletePrompt = (project: string, id: string) =>
  body(http.DELETE("/api/projects/{project_id}/prompts/{prompt_id}", { params: at(project, id) }));
export const restorePrompt = (project: string, id: string) =>
  body(http.POST("/api/projects/{project_id}/prompts/{prompt_id}/restore", { params: at(project, id) }));

/** What a version says, without what the server adds to it. */
export function draftOf(prompt: Prompt): PromptDraft {
  const { id, version, description, template, messages, inputs, model, tools, response_schema, metadata, folder } = prompt;
  return { id, version, description, template, messages, inputs, model, tools, response_schema, metadata, folder };
}
