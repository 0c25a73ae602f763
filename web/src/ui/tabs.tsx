import { type ReactNode, useEffect, useRef } from "react";
import { Tabs as AriaTabs, Tab, TabList, TabPanel } from "react-aria-components/Tabs";
import { Icon, type IconName } from "./icon";

export interface TabItem<K extends string> {
  id: K;
  label: string;
  icon?: IconName;
  content: ReactNode;
}

export function Tabs<K extends string>({
  label,
  tabs,
  selected,
  onSelect,
}: {
  label: string;
  tabs: readonly TabItem<K>[];
  selected?: K;
  onSelect?: (key: K) => void;
}) {
  const list = useRef<HTMLDivElement>(null);
  // where the tabs are wider than the page, the one that is shown is to be seen
  // biome-ignore lint/correctness/useExhaustiveDependencies: for each tab that is shown
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      const tab = list.current?.querySelector<HTMLElement>("[data-selected]");
      if (!list.current || !tab) return;
      const { offsetLeft, offsetWidth } = tab;
      const from = list.current.offsetLeft;
      list.current.scrollLeft = offsetLeft - from - (list.current.clientWidth - offsetWidth) / 2;
    });
    return () => cancelAnimationFrame(frame);
  }, [selected]);
  return (
    <AriaTabs
      className="tabs"
      {...(selected === undefined ? {} : { selectedKey: selected })}
      {...(onSelect ? { onSelectionChange: (key) => onSelect(key as K) } : {})}
    >
      <TabList ref={list} className="tab-list" aria-label={label}>
        {tabs.map((tab) => (
          <Tab key={tab.id} id={tab.id} className="tab">
            {tab.icon && <Icon name={tab.icon} size={18} />}
            {tab.label}
          </Tab>
        ))}
      </TabList>
      {tabs.map((tab) => (
        <TabPanel key={tab.id} id={tab.id} className="tab-panel">
          {tab.content}
        </TabPanel>
      ))}
    </AriaTabs>
  );
}
