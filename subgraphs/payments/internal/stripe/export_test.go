package stripe

// WebhooksAt is Webhooks with a clock.
var WebhooksAt = webhooks
