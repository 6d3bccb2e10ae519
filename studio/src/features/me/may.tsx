import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Notice } from "@/components/ui/states";
import { meQuery, projectQuery, type Role } from "./queries";

/** What a role allows, so that pages offer nothing that would be refused. The server decides in any case. */
export const mayOf = (role: Role | undefined) => ({
  /** Save, release, run: an editor's work. An API key says only in its answers what it may, so everything is offered. */
  write: role !== "viewer",
  /** Members, keys, settings: an admin's. */
  manage: role === undefined || role === "admin" || role === "owner",
  own: role === undefined || role === "owner",
});

export function useRole(workspace: string | undefined): Role | undefined {
  const me = useQuery(meQuery);
  return me.data?.workspaces.find((one) => one.id === workspace)?.role;
}

export function useMay(project: string | undefined) {
  const found = useQuery({ ...projectQuery(project ?? ""), enabled: !!project });
  return mayOf(useRole(found.data?.workspace_id));
}

/** Settings to look at: nothing in it can be pressed unless `may`. */
export function Changeable({ may, children }: { may: boolean; children: ReactNode }) {
  return (
    <>
      {!may && <Notice>You may look. To change something here takes the role admin: somebody who has it can give it to you under Members.</Notice>}
      <fieldset disabled={!may} className="contents">
        {children}
      </fieldset>
    </>
  );
}
