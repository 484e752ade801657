// Words of saved views and of the wall.

export const WORDS = {
  views_note: ['按密钥保存；在任何浏览器用这把密钥登录都能看到', 'Kept by key: wherever one signs in with it, they are there'],
  views_none: ['还没有保存视图', 'No views are saved yet'], view_name: ['视图名称', 'Name of the view'], view_save: ['保存当前视图', 'Save this view'],
  view_first: ['首页', 'Shown first'], view_make_first: ['首页：登录后先显示“{name}”', 'Shown first: {name}'], view_rename: ['改名', 'Rename'], view_rename_of: ['改名：{name}', 'Rename {name}'], view_new_name: ['新名称', 'New name'],
  view_delete: ['删除', 'Delete'], view_delete_of: ['删除：{name}', 'Delete {name}'], view_bad_name: ['名称为 1 至 80 个字，不含“/”。', 'A name has 1 to 80 characters and no slash.'], view_taken: ['已有同名视图“{name}”。', 'There is a view {name} already.'], view_keep: ['保存', 'Keep'],
  wall: ['大屏轮播', 'Wall'], wall_note: ['全屏轮流显示所选的视图或页面；有人操作时暂停，按 Esc 结束。地址里带着这些设置，大屏开机即可进入。', 'Shows what is chosen in turn, full screen; pauses when somebody touches it, ends with Escape. The address holds it all, so that a screen starts into it.'],
  wall_choose: ['轮播内容', 'What is shown'], wall_seconds: ['每屏秒数', 'Seconds each'], wall_start: ['开始轮播', 'Start'], wall_none: ['请至少选一项。', 'Choose one at least.'], wall_paused: ['已暂停', 'Paused'], wall_end: ['按 Esc 结束', 'Escape ends'],
};
