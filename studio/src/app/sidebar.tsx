import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { BarChart3, Check, ChevronsUpDown, FileText, GitPullRequestArrow, Keyboard, Plus, Puzzle, Search, Settings, Terminal, Users } from "lucide-react";
import { useRef, useState, type ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { Menu, MenuItem, MenuLabel, MenuLine, MenuLink } from "@/components/ui/menu";
import { requestsQuery } from "@/features/labels/queries";
import { meQuery, nameInAddress, projectQuery } from "@/features/me/queries";
import { projectsQuery } from "@/features/projects/queries";
import { NewTeam } from "@/features/workspaces/new-team";
import { paths } from "@/config/paths";
import { useInSight } from "@/lib/hooks";
import { YouMenu } from "./you-menu";

/** The project that the address names, or else the caller's own. */
export function useCurrentProject(): string | undefined {
  const { project } = useParams({ strict: false }) as { project?: string };
  const { data: me } = useQuery(meQuery);
  return project ?? (me?.default_project ? nameInAddress(me.default_project) : undefined);
}

function ProjectMenu({ project }: { project: string | undefined }) {
  const navigate = useNavigate();
  const [making, setMaking] = useState(false);
  const me = useQuery(meQuery);
  const current = useQuery({ ...projectQuery(project ?? ""), enabled: !!project });
  const workspace = current.data?.workspace_id ?? me.data?.workspaces[0]?.id;
  const projects = useQuery({ ...projectsQuery(workspace ?? ""), enabled: !!workspace && !!me.data?.workspaces.length });
  return (
    <>
      <Menu
        align="start"
        trigger={
          <button type="button" className="flex min-w-0 flex-1 items-center gap-2 rounded-md px-1.5 py-1.5 text-left hover:bg-sunk">
            <img src="/favicon.svg" alt="" className="size-7 shrink-0" />
            <span className="min-w-0 flex-1">
              <span className="block truncate font-semibold">{current.data?.name ?? "Dakora"}</span>
            </span>
            <ChevronsUpDown className="size-4 shrink-0 text-soft" aria-label="Switch project" />
          </button>
        }
      >
        <MenuLabel>Projects</MenuLabel>
        {projects.data?.map((one) => (
          <MenuItem key={one.id} onSelect={() => void navigate({ to: paths.prompts(nameInAddress(one)) })}>
            {one.id === current.data?.id ? <Check /> : <span className="size-4" />}
            {one.name}
          </MenuItem>
        ))}
        {me.data?.workspaces.map((one) => (
          <MenuLink key={one.id}>
            <Link to={paths.workspace(one.id)}>
              <Users /> {one.name}: projects and members
            </Link>
          </MenuLink>
        ))}
        {!!me.data?.workspaces.length && (
          <>
            <MenuLine />
            <MenuItem onSelect={() => setMaking(true)}>
              <Plus /> New team workspace
            </MenuItem>
          </>
        )}
      </Menu>
      <NewTeam open={making} onClose={() => setMaking(false)} />
    </>
  );
}

function Item({ to, icon, children, badge }: { to: string; icon: ReactNode; children: ReactNode; badge?: number }) {
  return (
    <Link
      to={to}
      className="flex items-center gap-2.5 rounded-md px-2.5 py-1.5 whitespace-nowrap [&_svg]:size-4 [&_svg]:shrink-0"
      inactiveProps={{ className: "text-soft hover:bg-sunk hover:text-ink" }}
      activeProps={{ className: "bg-leaf-wash text-leaf font-medium" }}
    >
      {icon}
      {children}
      {!!badge && <span className="ml-auto rounded-full bg-ember-wash px-1.5 text-xs text-ember">{badge}</span>}
    </Link>
  );
}

export function Sidebar({ onSearch, onShortcuts }: { onSearch: () => void; onShortcuts: () => void }) {
  const project = useCurrentProject();
  const nav = useRef<HTMLElement>(null);
  useInSight(nav);
  const open = useQuery({ ...requestsQuery(project ?? "", "open"), enabled: !!project });
  return (
    <aside className="flex shrink-0 flex-col gap-1 border-b bg-card px-2 py-2 md:h-full md:w-56 md:border-r md:border-b-0">
      <div className="flex items-center gap-1">
        <ProjectMenu project={project} />
        <Button look="ghost" size="icon" onClick={onSearch} aria-label="Search and commands" title="Search (⌘K)">
          <Search />
        </Button>
        <span className="md:hidden">
          <YouMenu onShortcuts={onShortcuts} />
        </span>
      </div>
      {project && (
        <nav ref={nav} aria-label="Project" className="relative flex gap-0.5 overflow-x-auto md:mt-2 md:flex-col">
          <Item to={paths.prompts(project)} icon={<FileText />}>
            Prompts
          </Item>
          <Item to={paths.parts(project)} icon={<Puzzle />}>
            Parts
          </Item>
          <Item to={paths.runs(project)} icon={<Terminal />}>
            Runs
          </Item>
          <Item to={paths.stats(project)} icon={<BarChart3 />}>
            Numbers
          </Item>
          <Item to={paths.requests(project)} icon={<GitPullRequestArrow />} badge={open.data?.length}>
            Approvals
          </Item>
          <Item to={paths.settings(project)} icon={<Settings />}>
            Settings
          </Item>
        </nav>
      )}
      <div className="mt-auto hidden items-center justify-between border-t pt-2 md:flex">
        <Button look="ghost" size="sm" onClick={onShortcuts}>
          <Keyboard /> Shortcuts
        </Button>
        <YouMenu onShortcuts={onShortcuts} />
      </div>
    </aside>
  );
}
