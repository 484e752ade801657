// For the checker alone: what is vendored is not checked.
declare const echarts: any;
export const init: any;
export const graphic: any;
export default echarts;
