import { placeOf } from './pages.ts'

export interface MenuGroup {
  text: string
  items: { text: string; link: string }[]
}

/** The site's menu: the groups and pages of the manual's index, in its order. */
export function menuOf(index: string): MenuGroup[] {
  const [, ...groups] = index.split(/^## /m)
  return groups.map((group) => ({
    text: group.slice(0, group.indexOf('\n')),
    items: [...group.matchAll(/^\| \[(?<text>[^\]]+)\]\((?<file>[^)]+)\)/gm)].map(
      ({ groups: { text, file } = {} }) => ({
        text: text ?? '',
        link: `/${placeOf(`docs/${file}`).replace(/(?:index)?\.md$/, '')}`,
      }),
    ),
  }))
}
