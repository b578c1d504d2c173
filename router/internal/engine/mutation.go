package engine

import (
	"slices"

	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/resolve"
)

// inOrder lets each root field of a mutation be answered in full before the next one changes
// anything, as the GraphQL specification has it. The engine sends the root fields one after the other,
// but fetches what else was asked below them only when it must.
func inOrder(response *resolve.GraphQLResponse) {
	var fetches []*resolve.FetchItem
	each(response.Fetches, func(item *resolve.FetchItem) { fetches = append(fetches, item) })
	owner := map[int]int{} // by fetch: the last root fetch that it depends on
	depth := map[int]int{} // by fetch: how many others must end first, one after the other
	roots := 0
	var groups [][][]*resolve.FetchTreeNode // by owner and depth
	for _, item := range fetches {          // none comes before those that it depends on
		d := item.Fetch.Dependencies()
		if len(item.FetchPath) == 0 {
			owner[d.FetchID] = roots
			groups = append(groups, nil)
			roots++
		} else {
			for _, id := range d.DependsOnFetchIDs {
				owner[d.FetchID] = max(owner[d.FetchID], owner[id])
			}
			for _, id := range d.DependsOnFetchIDs {
				if owner[id] == owner[d.FetchID] {
					depth[d.FetchID] = max(depth[d.FetchID], depth[id]+1)
				}
			}
		}
		group := groups[owner[d.FetchID]]
		for len(group) <= depth[d.FetchID] {
			group = append(group, nil)
		}
		group[depth[d.FetchID]] = append(group[depth[d.FetchID]], &resolve.FetchTreeNode{Kind: resolve.FetchTreeNodeKindSingle, Item: item})
		groups[owner[d.FetchID]] = group
	}
	if roots < 2 {
		return
	}
	sequence := resolve.Sequence()
	for _, atOnce := range slices.Concat(groups...) {
		switch len(atOnce) {
		case 0:
		case 1:
			sequence.ChildNodes = append(sequence.ChildNodes, atOnce[0])
		default:
			sequence.ChildNodes = append(sequence.ChildNodes, resolve.Parallel(atOnce...))
		}
	}
	response.Fetches = sequence
}
