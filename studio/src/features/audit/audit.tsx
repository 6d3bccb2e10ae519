import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/field";
import { Empty, Failure, Skeletons } from "@/components/ui/states";
import { Table } from "@/components/ui/table";
import { http, withHeaders } from "@/lib/api/client";
import { ago, moment } from "@/lib/format";
import { useDebounced } from "@/lib/hooks";

type Place = { project: string } | { workspace: string };

/** Who did what and when, in a project or a whole workspace. */
export function Audit(place: Place) {
  const [action, setAction] = useState("");
  const wanted = useDebounced(action.trim(), 200);
  const found = useInfiniteQuery({
    queryKey: ["audit", place, wanted],
    queryFn: ({ pageParam }) => {
      const query = { limit: 50, cursor: pageParam, action: wanted || undefined };
      return "project" in place
        ? withHeaders(http.GET("/api/projects/{project_id}/audit", { params: { path: { project_id: place.project }, query } }))
        : withHeaders(http.GET("/api/workspaces/{workspace_id}/audit", { params: { path: { workspace_id: place.workspace }, query } }));
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.cursor,
  });
  const events = found.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <>
      <Input aria-label="Action" placeholder="Action, like prompt.updated" className="max-w-xs" value={action} onChange={(event) => setAction(event.target.value)} />
      {found.error ? (
        <Failure error={found.error} retry={() => void found.refetch()} />
      ) : found.isPending ? (
        <Skeletons />
      ) : events.length === 0 ? (
        <Empty title="Nothing is written here">Every change leaves a line: who, what, when, before and after.</Empty>
      ) : (
        <Table label="Audit">
          <thead>
            <tr>
              {["When", "Action", "Subject", "By", "What changed"].map((name) => (
                <th key={name}>{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {events.map((event) => (
              <tr key={event.id} className="align-top">
                <td className="whitespace-nowrap" title={moment(event.at)}>
                  {ago(event.at)}
                </td>
                <td className="font-mono">{event.action}</td>
                <td className="min-w-48 font-mono break-all">{event.subject}</td>
                <td title={event.actor_id}>{event.actor_kind}</td>
                <td>
                  {(event.before || event.after) && (
                    <details>
                      <summary className="cursor-pointer text-soft">show</summary>
                      <pre className="mt-1 font-mono text-xs break-all whitespace-pre-wrap">{JSON.stringify({ before: event.before, after: event.after }, null, 2)}</pre>
                    </details>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
      {found.hasNextPage && (
        <Button className="self-center" busy={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          Earlier
        </Button>
      )}
    </>
  );
}
