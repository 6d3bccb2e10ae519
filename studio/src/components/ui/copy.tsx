import { Check, Copy as Icon } from "lucide-react";
import { useState } from "react";
import { Button } from "./button";

/** Copies `text`; says for two seconds that it did. */
export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setDone(true);
    setTimeout(() => setDone(false), 2000);
  };
  return (
    <Button size="sm" onClick={() => void copy()}>
      {done ? <Check /> : <Icon />}
      {done ? "Copied" : label}
    </Button>
  );
}
