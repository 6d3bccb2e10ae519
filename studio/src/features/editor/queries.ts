import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { body, http, type Schemas } from "@/lib/api/client";
import type { InputSpec } from "@/features/prompts/queries";

type Message = Schemas["Message"];

export const validationQuery = (
  project: string,
  text: { template?: string | null; messages?: Message[] | null },
  inputs: Record<string, InputSpec>,
  given: Record<string, unknown>,
) =>
  queryOptions({
    queryKey: ["p", project, "validate", text, inputs, given],
    queryFn: ({ signal }) =>
      body(
        http.POST("/api/projects/{project_id}/prompts/validate", {
          params: { path: { project_id: project } },
          body: { ...text, declared_variables: inputs, inputs: given as Record<string, never> },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: 10_000,
    retry: false,
  });
