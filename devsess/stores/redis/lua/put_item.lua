return put_item(item_arg(), number())
