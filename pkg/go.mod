module boxoffice.dev/pkg

go 1.26

require go.jetify.com/typeid v1.3.0

require github.com/gofrs/uuid/v5 v5.2.0 // indirect
