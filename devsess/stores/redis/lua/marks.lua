return store_mark()
