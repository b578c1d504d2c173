// Package planner decides which subgraphs resolve an operation, and in which order. It is pure: the same supergraph and
// operation always give the same plan.
package planner

import "github.com/vektah/gqlparser/v2/ast"

// Plan is how one operation is executed. It is immutable and safe for concurrent use.
//
// Fetches add fields to one tree of objects, under storage names: usually the response names of the client's operation,
// and other names where a field that the client did not select, or another type's field of the same name, is in the way.
// Selection is what the client gets of that tree. Every object whose type is not known from the schema has its type in
// the tree under the storage name __typename.
type Plan struct {
	Operation ast.Operation
	Fetches   []*Fetch // every fetch comes after those that it depends on
	Selection *Selection
	Deferred  []Deferred // the first is the part that is not deferred
}

// Fetch is one request to a subgraph. Its ID is its index in Plan.Fetches.
type Fetch struct {
	ID        int
	Subgraph  string
	Operation ast.Operation // Query for entities
	DependsOn []int         // IDs in ascending order, without those that are implied by others
	Query     string        // the document
	Variables []string      // names of the operation's variables that Query uses, representations not included
	// Conditions are alternatives: the fetch is only sent when one of them holds. Nil means always.
	Conditions []Conditions

	// A fetch of root fields merges its data into each object at Path: the root of the response if it is empty, or
	// objects of the query type below the root.
	Path   Path
	Fields []string // their storage names
	// A fetch of entities has one _entities field for each of these. They are empty for a fetch of root fields.
	Entities []Entities
}

// Entities is one _entities field of a fetch. Equal representations are sent once.
type Entities struct {
	Alias          string // response name of the field
	Variable       string // name of the variable with its representations
	Places         []Place
	Representation Representation
	Fields         []EntityField // top-level fields that it selects
}

// Place is a place of entities in the response: objects at a path.
type Place struct {
	Path       Path
	Types      []string   // the objects' types; nil for any
	Conditions Conditions // without them there are no objects to find
}

// EntityField is a field that an entity gets from a fetch.
type EntityField struct {
	Storage string
	On      []string // the entity's types; nil for any
}

// Path leads from the root of the response to objects, through all items of lists.
type Path []Step

// Step is a field on a path.
type Step struct {
	Storage string
	On      []string // types of the object that has the field; nil for any
}

// Representation is the template of an entity's representation.
type Representation struct {
	Typename string // empty for the object's own type
	Fields   []RepresentationField
}

// RepresentationField is a field of a representation, or of an object in it.
type RepresentationField struct {
	Name    string   // in the representation
	Storage string   // in the object
	On      []string // types of the object; nil for any
	// Key means that the field is part of a key. An entity with a null in its key has no representation. A requirement
	// may be null unless its value is missing or its fetch failed.
	Key    bool
	Fields []RepresentationField // of an object or list of objects; nil for a leaf
}

// Conditions must all hold. Nil always holds.
type Conditions []Condition

// Condition compares a Boolean variable, as @include(if:) does, or @skip(if:) when Not is set.
type Condition struct {
	Variable string
	Not      bool
}

// Selection is what a client selects of objects.
type Selection struct {
	Types  []string // possible types of the objects, sorted; the type is known when there is one
	Fields []*Field // in document order; several may have the same response name
}

// Field is a field of a Selection. Fields with the same response name that apply to the same object are the same field
// of the schema, with the same storage name; their selections are merged.
type Field struct {
	Response   string
	Storage    string
	Name       string   // in the schema; __typename is not stored but derived from the object
	Parent     string   // a type of the schema that has the field, for messages
	On         []string // the object's types; nil for any
	Type       *ast.Type
	Leaf       Leaf
	Enum       map[string]bool // values that clients may see, of an enum
	Selection  *Selection      // nil for a leaf
	Conditions Conditions
	Deferred   int // index into Plan.Deferred
	Refusal    Refusal
}

// Refusal is why a field is null, with an error, and never fetched.
type Refusal int

// Refusals.
const (
	Allowed      Refusal = iota
	Denied               // the caller may not read the field
	NullArgument         // an argument that must not be null is a variable with null
)

// Leaf is the kind of a field's named type.
type Leaf int

// Leafs. Custom scalars take any value.
const (
	Composite Leaf = iota // an object, interface or union
	Int
	Float
	String
	ID
	Boolean
	Enum
	Custom
)

// Deferred is a part of the response: a deferred fragment wherever it applies.
type Deferred struct {
	Label   string
	Within  int  // the part that contains it
	Path    Path // to the objects that have the fragment; the steps' names are response names
	On      []string
	If      Conditions // when they do not hold, the fragment belongs to Within
	Fetches []int      // IDs of all fetches that the part needs, ascending
}
