"""How large a query may be, which is looked at before anything else of it.

GraphQL has every field compared with all others of the same name, so that it takes seconds to validate what
is sent in an instant (https://spec.graphql.org/October2021/#sec-Field-Selection-Merging).
"""

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

MOST_TOKENS = 6000
"""In the text of a query: enough for 500 pictures written out."""

MOST_FIELDS = 300
"""With fragments written out wherever they are used: enough for all that GraphiQL asks about the schema."""

MOST_ALIASES = 50
MOST_DIRECTIVES = 50

DEEPEST = 12
"""Fields within fields: enough for the hashes of the files near the files near a file."""

_UNCOUNTED = 0

TOO_LONG = (
    f"the query has more than {MOST_TOKENS} tokens (words, numbers, brackets): give what varies, such as "
    "pictures, in variables, or ask for less at a time"
)


def excess(document: DocumentNode) -> list[GraphQLError]:
    """In what a document is out of bounds: one error or none."""
    try:
        _Count(document)
    except GraphQLError as error:
        return [error]
    return []


class _Count:
    """Walks through a document as it will be executed, and gives up as soon as it is out of bounds."""

    def __init__(self, document: DocumentNode) -> None:
        self._fields = self._aliases = self._directives = 0
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._used: set[str] = set()
        for each in document.definitions:
            if isinstance(each, OperationDefinitionNode):
                self._walk(each.selection_set, 1)
        for name in self._fragments.keys() - self._used:
            self._walk(self._fragments[name].selection_set, 1)

    def _walk(self, selected: SelectionSetNode | None, depth: int) -> None:
        for selection in selected.selections if selected else ():
            self._count(selection, depth)
            if isinstance(selection, FragmentSpreadNode):
                self._used.add(selection.name.value)
                fragment = self._fragments.get(selection.name.value)
                self._walk(fragment.selection_set if fragment else None, depth)
            elif isinstance(selection, FieldNode):
                self._walk(selection.selection_set, _deeper(selection, depth))
            elif isinstance(selection, InlineFragmentNode):
                self._walk(selection.selection_set, depth)

    def _count(self, selection: SelectionNode, depth: int) -> None:
        self._fields += 1
        self._aliases += isinstance(selection, FieldNode) and selection.alias is not None
        self._directives += len(selection.directives or ())
        if self._fields > MOST_FIELDS:
            raise _refusal(f"selects more than {MOST_FIELDS} fields, fragments written out")
        if self._aliases > MOST_ALIASES:
            raise _refusal(f"has more than {MOST_ALIASES} aliases")
        if self._directives > MOST_DIRECTIVES:
            raise _refusal(f"has more than {MOST_DIRECTIVES} directives")
        if depth > DEEPEST:
            raise _refusal(f"has more than {DEEPEST} fields within each other")


def _deeper(field: FieldNode, depth: int) -> int:
    # What is told of the schema goes deeper, and graphql-core has a rule of its own for it.
    return _UNCOUNTED if depth == _UNCOUNTED or field.name.value.startswith("__") else depth + 1


def _refusal(excess: str) -> GraphQLError:
    return GraphQLError(
        f"the query {excess}: ask for less at a time, and for many pictures or files by searchMany or files"
    )
