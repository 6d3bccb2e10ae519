import { Tag } from "lucide-react";
import { Badge } from "./badge";

const TONES = { production: "leaf", staging: "ember", latest: "plain" } as const;

/** A label of a prompt; the well-known ones have a colour of their own everywhere. */
export const LabelBadge = ({ label, behind }: { label: string; behind?: number }) => (
  <Badge tone={label in TONES ? TONES[label as keyof typeof TONES] : "sky"}>
    <Tag aria-hidden /> {label}
    {/* The version it is on, where that is not the newest. */}
    {behind !== undefined && <span> v{behind}</span>}
  </Badge>
);
