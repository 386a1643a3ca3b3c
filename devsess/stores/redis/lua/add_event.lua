insert_event(event_args())
