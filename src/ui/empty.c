/* src/ui/empty.c: placeholder until the first file of this folder lands */
typedef int empty_ui;
