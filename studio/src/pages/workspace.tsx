import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { Page } from "@/components/layout/page";
import { SubNav } from "@/components/layout/sub-nav";
import { Audit } from "@/features/audit/audit";
import { meQuery } from "@/features/me/queries";
import { ProjectList } from "@/features/projects/project-list";
import { Members } from "@/features/workspaces/members";
import { paths } from "@/config/paths";
import { useTitle } from "@/lib/hooks";
import { NotFound } from "./not-found";

const PAGES = { projects: ProjectList, members: Members, audit: Audit } as const;
const NAMES: [keyof typeof PAGES, string][] = [
  ["projects", "Projects"],
  ["members", "Members"],
  ["audit", "Audit"],
];

export function WorkspacePage() {
  const { workspace = "", page = "" } = useParams({ strict: false });
  const me = useQuery(meQuery);
  const name = me.data?.workspaces.find((one) => one.id === workspace)?.name ?? "Workspace";
  useTitle(name);
  if (!(page in PAGES)) return <NotFound />;
  const Content = PAGES[page as keyof typeof PAGES];
  return (
    <Page title={name}>
      <SubNav label="Workspace" items={NAMES.map(([id, label]) => [label, paths.workspace(workspace, id)])} />
      <Content key={page} workspace={workspace} />
    </Page>
  );
}
