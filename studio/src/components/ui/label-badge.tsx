import { Tag } from "lucide-react";
import { Badge } from "./badge";

const TONES = { production: "leaf", staging: "ember", latest: "plain" } as const;

/** A label of a prompt; the well-known ones have a colour of their own everywhere. */
export const LabelBadge = ({ label }: { label: string }) => (
  <Badge tone={label in TONES ? TONES[label as keyof typeof TONES] : "sky"}>
    <Tag aria-hidden /> {label}
  </Badge>
);
