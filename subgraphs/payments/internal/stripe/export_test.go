package stripe

// WebhooksAt is Webhooks with another clock.
var WebhooksAt = webhooks
