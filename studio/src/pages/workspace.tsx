import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { Page } from "@/components/layout/page";
import { SubNav } from "@/components/layout/sub-nav";
import { Audit } from "@/features/audit/audit";
import { mayOf } from "@/features/me/may";
import { meQuery } from "@/features/me/queries";
import { ProjectList } from "@/features/projects/project-list";
import { WorkspaceGeneral } from "@/features/workspaces/general";
import { Members } from "@/features/workspaces/members";
import { paths } from "@/config/paths";
import { useTitle } from "@/lib/hooks";
import { NotFound } from "./not-found";

const PAGES = { projects: ProjectList, members: Members, general: WorkspaceGeneral, audit: Audit } as const;
const NAMES: [keyof typeof PAGES, string][] = [
  ["projects", "Projects"],
  ["members", "Members"],
  ["general", "General"],
  ["audit", "Audit"],
];

export function WorkspacePage() {
  const { workspace = "", page = "" } = useParams({ strict: false });
  const me = useQuery(meQuery);
  const own = me.data?.workspaces.find((one) => one.id === workspace);
  const name = own?.name ?? "Workspace";
  // Who may not read the audit trail is not sent there.
  const names = NAMES.filter(([id]) => id !== "audit" || mayOf(own?.role).manage);
  useTitle(name);
  if (!(page in PAGES)) return <NotFound />;
  const Content = PAGES[page as keyof typeof PAGES];
  return (
    <Page title={name}>
      <SubNav label="Workspace" items={names.map(([id, label]) => [label, paths.workspace(workspace, id)])} />
      <Content key={page} workspace={workspace} />
    </Page>
  );
}
