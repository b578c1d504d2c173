module boxoffice.dev/router

go 1.26

require boxoffice.dev/pkg v0.0.0

replace boxoffice.dev/pkg => ../pkg
