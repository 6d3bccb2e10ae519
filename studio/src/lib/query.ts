import { QueryClient } from "@tanstack/react-query";
import { ApiProblem } from "./api/client";

/** A refusal is an answer and not asked for again; a server that is away is asked twice more. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      retry: (times, error) => !(error instanceof ApiProblem && error.status < 500) && times < 2,
    },
  },
});
